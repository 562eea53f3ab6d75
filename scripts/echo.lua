-- The smallest script: a table of handlers, keyed by message type.
--
--   client sends    {"type":"echo","id":1,"data":{"hello":"world"}}
--   server replies  {"type":"reply","id":1,"data":{"hello":"world"}}
--
-- A handler gets the client and the decoded `data`. What it returns is the
-- reply to a message that carried an `id`.

return {
  echo = function(_, data)
    return data
  end,
}
