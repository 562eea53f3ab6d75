-- The configuration, read from the folder where `perigee` is started. It has
-- the syntax of Lua; `perigee config` prints all options and what is in effect.

public = "public" -- static files, served at /

-- `perigee dev` writes here what the scripts declare: editors complete and
-- check the page with it (jsconfig.json).
dev = { types = "types/api.d.ts" }

-- In production: a key that your backend signs tokens with, of 32 bytes or
-- more (openssl rand -hex 32), and the pages that may connect.
-- auth.secret = env "APP_SECRET"
-- origins = { "https://app.example.com" }

-- Your backend tells clients something with this key, and hears at this address
-- what happens here. What is not set is off; README.md sets it.
api.keys = { backend = env "API_KEY" }
events.url = env "EVENTS_URL"
events.secret = env "EVENTS_SECRET"

-- Any values for the scripts: perigee.config.room
vars = { room = "lobby" }
