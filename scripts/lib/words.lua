-- A module of our own: sub-folders are for what scripts `require`.

local words = {}

local MOST = 2000 -- characters

-- The text without white space around it; nil unless that is text of 1 to
-- 2000 characters.
function words.trimmed(text)
  if type(text) ~= "string" then
    return nil
  end
  text = text:match("^%s*(.-)%s*$")
  local length = utf8.len(text)
  if not length or length == 0 or length > MOST then
    return nil
  end
  return text
end

return words
