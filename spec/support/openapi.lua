-- SPDX-License-Identifier: MIT
-- Whether a text is OpenAPI to a validator of somebody else.
local cli = require "spec.support.cli"
local program = require "spec.support.program"

local CHECK = [[
  import { readFileSync } from 'node:fs';
  import { createRequire } from 'node:module';
  const path = createRequire(process.argv[2] + '/').resolve('@seriousme/openapi-schema-validator');
  const { Validator } = await import(path);
  const validator = new Validator();
  const result = await validator.validate(JSON.parse(readFileSync('openapi.json')));
  console.log(validator.version, JSON.stringify(result));
  process.exit(result.valid ? 0 : 1);
]]

-- Returns the version of OpenAPI; fails if the text is none. Returns nil where npm
-- cannot fetch the validator.
return function(text)
  local dir = program.fetch "@seriousme/openapi-schema-validator@2.11.0"
  if not dir then return nil end
  local folder = cli.folder { ["check.mjs"] = CHECK, ["openapi.json"] = text }
  return program.check(folder, dir):match "^%S+"
end
