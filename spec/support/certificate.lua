-- SPDX-License-Identifier: MIT
-- A certificate for `localhost` that signs itself.

-- Writes cert.pem and key.pem into the folder; returns their paths.
return function(dir)
  local command = "openssl req -x509 -newkey ec -pkeyopt"
    .. " ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost"
    .. " -addext subjectAltName=DNS:localhost"
    .. (" -keyout %s/key.pem -out %s/cert.pem 2>%s/log"):format(dir, dir, dir)
  assert(os.execute(command))
  return dir .. "/cert.pem", dir .. "/key.pem"
end
