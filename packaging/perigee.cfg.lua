-- The configuration of the service. `perigee config --config=THIS_FILE` prints
-- all options and what is in effect; `systemctl reload perigee` takes what has
-- changed. Secrets are in /etc/perigee/env, which only root can read.

listen = "127.0.0.1:8080" -- the world: put a proxy before it, or `tls.cert`
admin.listen = "127.0.0.1:8081" -- reload, metrics, health, the API of backends

-- The pages that may connect, if they are not served by this host.
-- origins = { "https://app.example.com" }

-- A key for your backend: API_KEY=… in /etc/perigee/env (openssl rand -hex 32)
-- api.keys = { backend = { key = env "API_KEY", allow = "send,read" } }

-- Where your backend hears what happens here: EVENTS_SECRET=… in the same file
-- events.url = "https://app.example.com/perigee"
-- events.secret = env "EVENTS_SECRET"
events.file = "/var/lib/perigee/events.db"

-- Any values for the scripts: perigee.config.room
vars = { room = "lobby" }
