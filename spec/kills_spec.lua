-- SPDX-License-Identifier: MIT
-- A short form of bench/kills: servers that are killed lose no event.
describe("Servers that are killed", function()
  for workers = 1, 2 do
    it("lose no event: workers=" .. workers, function()
      local pipe = assert(io.popen("bench/kills --kills=8 --workers=" .. workers .. " 2>&1"))
      local said = pipe:read "a"
      assert(pipe:close(), said)
      assert.matches("nothing lost", said)
    end)
  end
end)
