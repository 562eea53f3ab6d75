-- A module of our own: sub-folders are for what scripts `require`.

local words = {}

-- The text without white space around it; nil unless it is 1 to `max`
-- characters of text.
function words.trimmed(text, max)
  if type(text) ~= "string" then
    return nil
  end
  text = text:match("^%s*(.-)%s*$")
  local length = utf8.len(text)
  if not length or length == 0 or length > max then
    return nil
  end
  return text
end

return words
