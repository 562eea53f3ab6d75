-- A module of our own: sub-folders are for what scripts `require`.

local words = {}

-- The text without white space around it; nil if nothing is left.
function words.trimmed(text)
  text = text:match("^%s*(.-)%s*$")
  return text ~= "" and text or nil
end

return words
