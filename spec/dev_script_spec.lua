-- SPDX-License-Identifier: MIT
-- ./dev, with an apt-get that others hold up.
local cli = require "spec.support.cli"

-- Says what its arguments were; the first times it meets a lock.
local apt_get = [[#!/bin/sh
echo "$@" >>"$SEEN"
case "$*" in *install*) ;; *) exit 0 ;; esac
[ "$(grep -c install "$SEEN")" -gt 2 ] && exit "$STATUS"
echo "E: Could not get lock /var/cache/apt/archives/lock. It is held" >&2
exit 100
]]

-- Runs it with programs of ours; returns the status, what apt-get was told,
-- and what was said.
local function run(status)
  local nothing = "#!/bin/sh\n"
  local folder = cli.folder {
    ["bin/apt-get"] = apt_get,
    ["bin/sudo"] = '#!/bin/sh\nexec "$@"\n',
    ["bin/dpkg-query"] = nothing,
    ["bin/clang-format"] = nothing,
    ["bin/sleep"] = nothing,
  }
  os.execute("chmod +x " .. folder .. "/bin/*")
  local _, _, code = os.execute(("SEEN=%s/seen STATUS=%d PATH=%s/bin:$PATH "
    .. "./dev format >%s/out 2>&1"):format(folder, status, folder, folder))
  local function read(name)
    local file <close> = assert(io.open(folder .. "/" .. name))
    return file:read "a"
  end
  return code, read "seen", read "out"
end

describe("./dev", function()
  after_each(cli.cleanup)

  it("waits for a lock that another apt holds", function()
    local code, seen, out = run(0)
    assert.equal(0, code, out)
    local _, installs = seen:gsub("install clang%-format", "")
    assert.equal(3, installs)
    local _, waiting = seen:gsub("DPkg::Lock::Timeout=%d+", "")
    assert.equal(4, waiting) -- update, too
  end)

  it("does not wait when it is something else", function()
    local code, seen, out = run(100)
    assert.equal(1, code)
    local _, installs = seen:gsub("install clang%-format", "")
    assert.equal(3, installs)
    assert.matches("have these packages", out)
  end)
end)
