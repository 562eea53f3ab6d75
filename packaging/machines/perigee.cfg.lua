-- The configuration of three machines behind a balancer. What differs from one
-- to the other is in the environment: PERIGEE_NODE_NAME.

listen = "0.0.0.0:8080"
engine = "redis"
redis.url = "redis://redis:6379"

-- The networks of the balancer: else all clients have one address.
proxy.trusted = { "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16" }

-- The balancer asks every two seconds, and takes a machine out after two bad
-- answers: until then, nobody is sent away.
shutdown.notice_s = 6
shutdown.drain_s = 30
