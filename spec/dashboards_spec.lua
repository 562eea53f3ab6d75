-- SPDX-License-Identifier: MIT
-- packaging/ has a dashboard for Grafana and alerts for Prometheus: they ask for
-- metrics that there are, in the way that their kind wants.
local admin = require "spec.support.admin"
local t = require "perigee.testing"

local DASHBOARD = "packaging/grafana/perigee.json"
local ALERTS = "packaging/prometheus/alerts.yml"

local function slurp(path)
  local file <close> = assert(io.open(path, "rb"))
  return file:read "a"
end

-- The expressions of both, by where they stand.
local function expressions()
  local found = {}
  local function walk(value, place)
    for key, item in pairs(value) do
      if type(item) == "table" then
        walk(item, value.title or place)
      elseif key == "expr" or key == "query" then
        found[#found + 1] = { place = value.title or place, text = item }
      end
    end
  end
  walk(t.decode(slurp(DASHBOARD)), "dashboard")
  for name, text in slurp(ALERTS):gmatch "alert: (%w+)\n%s+expr: ([^\n]+)" do
    found[#found + 1] = { place = name, text = text }
  end
  return found
end

-- The kind of each metric that the server has, by name.
local function kinds()
  local server = t.server { scripts = { ["main.lua"] = "return { x = function() end }" },
    options = { ["trace.otlp"] = "http://127.0.0.1:9" } }
  server:connect("alice"):request "x"
  local _, text = admin.get(server, "/metrics")
  local found = {}
  for name, kind in text:gmatch "# TYPE (%S+) (%S+)" do
    found[name] = kind
  end
  server:stop()
  return found
end

-- The metric that a name in an expression is of, and its kind.
local function kind_of(known, name)
  local base = name:gsub("_bucket$", ""):gsub("_sum$", ""):gsub("_count$", "")
  return known[name] or (known[base] == "histogram" and "counter") or nil
end

describe("The dashboard and the alerts", function()
  local all, known

  lazy_setup(function() all, known = expressions(), kinds() end)

  it("ask for metrics that there are", function()
    local seen = 0
    for _, entry in ipairs(all) do
      for name in entry.text:gmatch "%f[%w_]([a-z]+_[%w_]+)%f[^%w_]" do
        if name:find "^perigee_" or name:find "^process_" then
          seen = seen + 1
          assert(kind_of(known, name), ("%s asks for %s"):format(entry.place, name))
        end
      end
    end
    assert.is_true(seen > 60)
  end)

  it("look at how counters grow, and at gauges as they are", function()
    for _, entry in ipairs(all) do
      for before, name in entry.text:gmatch "([%w_]*)%(?(perigee_[%w_]+)" do
        local grows = before == "rate" or before == "increase"
        if before ~= "label_values" then
          assert(grows == (kind_of(known, name) == "counter"),
            ("%s: %s(%s)"):format(entry.place, before, name))
        end
      end
    end
  end)

  it("has a title and words for each panel, and none twice at a place", function()
    local places, ids = {}, {}
    for _, panel in ipairs(t.decode(slurp(DASHBOARD)).panels) do
      local place = ("%d,%d"):format(panel.gridPos.x, panel.gridPos.y)
      assert(not places[place] and not ids[panel.id], panel.title)
      places[place], ids[panel.id] = true, true
      assert.is_true(panel.gridPos.x + panel.gridPos.w <= 24)
      assert.is_true(panel.type == "row" or #panel.description > 10, panel.title)
    end
  end)

  -- Debian's package prometheus has it.
  it("are rules to promtool", function()
    if not os.execute "command -v promtool >/dev/null" then
      pending "promtool is not installed"
      return
    end
    local pipe = io.popen("promtool check rules " .. ALERTS .. " 2>&1")
    local said = pipe:read "a"
    assert(pipe:close(), said)
    assert.matches("SUCCESS: %d+ rules found", said)
  end)
end)
