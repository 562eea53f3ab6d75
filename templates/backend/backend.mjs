// A backend, for Node 18 or later: it hears what happens in Perigee, and tells
// clients something. README.md says how to start it. Yours may be written in
// anything that speaks HTTP: the page "From your backend" of Perigee has Python,
// PHP, Ruby and Go.
import { createHmac, timingSafeEqual } from 'node:crypto'
import http from 'node:http'

const { PERIGEE = 'http://127.0.0.1:8081', API_KEY, EVENTS_SECRET, PORT = '9000' } = process.env
if (!API_KEY || !EVENTS_SECRET) {
  console.error('backend: set API_KEY and EVENTS_SECRET, the same ones as for perigee')
  process.exit(1)
}

// To all devices of a user; also to a room, to rooms, to everybody.
const send = (user, message) => fetch(`${PERIGEE}/api/v1/send`, {
  method: 'POST',
  headers: { Authorization: `Bearer ${API_KEY}` },
  body: JSON.stringify({ user, message }),
})

// By type of event. One may come twice, with the same `id`.
const hears = {
  'user.online': ({ user }) => console.log(user, 'is online'),
  'user.offline': ({ user }) => console.log(user, 'is offline'),
  'hello.said': async ({ user, data }) => {
    console.log(user, 'said', data.text)
    if (data.text.endsWith('?')) {
      await send(user, { type: 'hello.said', data: { from: 'backend', text: 'good question' } })
    }
  },
}

// Only Perigee knows the secret; and what it sent long ago is of no use now.
function isFromPerigee(header, body) {
  const [, t, v1] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(header ?? '') ?? []
  const mac = t && createHmac('sha256', EVENTS_SECRET).update(`${t}.`).update(body).digest('hex')
  return !!mac && timingSafeEqual(Buffer.from(mac), Buffer.from(v1))
    && Math.abs(Date.now() / 1000 - t) < 300
}

http.createServer(async (request, response) => {
  const body = Buffer.concat(await request.toArray())
  if (!isFromPerigee(request.headers['perigee-signature'], body)) {
    return response.writeHead(401).end()
  }
  for (const event of JSON.parse(body).events) await hears[event.type]?.(event)
  response.end() // 200: they do not come again
}).listen(PORT, () => console.log(`backend: http://127.0.0.1:${PORT}/`))
