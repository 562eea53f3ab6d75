# SPDX-License-Identifier: MIT
# faye-websocket on EventMachine: URL AUTH
require 'faye/websocket'
require 'eventmachine'

$stdout.sync = true
SAY = '{"type":"field.say","data":'.freeze
url, auth = ARGV
EM.run do
  socket = Faye::WebSocket::Client.new(url)
  socket.on(:open) { socket.send(auth) }
  socket.on(:message) do |event|
    text = event.data
    puts "got #{text.bytesize}"
    socket.send(text[SAY.size..-2]) if text.start_with?(SAY)
    socket.close(1000) if text.start_with?('{"type":"field.bye"')
  end
  socket.on(:error) { |event| puts "error #{event.message}" }
  socket.on(:close) do |event|
    puts "closed #{event.code} #{event.reason}"
    EM.stop
  end
end
