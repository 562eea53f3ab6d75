# SPDX-License-Identifier: MIT
# websocket, which only makes and reads frames, on a socket: URL AUTH
require 'socket'
require 'websocket'

$stdout.sync = true
SAY = '{"type":"field.say","data":'.freeze
url, auth = ARGV
address = %r{//([^:/]+):(\d+)}.match(url)
socket = TCPSocket.new(address[1], address[2])
handshake = WebSocket::Handshake::Client.new(url: url)
socket.write(handshake.to_s)
handshake << socket.readpartial(4096) until handshake.finished?
write = lambda do |data, type|
  socket.write(WebSocket::Frame::Outgoing::Client.new(
    version: handshake.version, data: data, type: type
  ).to_s)
end
frames = WebSocket::Frame::Incoming::Client.new(version: handshake.version)
frames << handshake.leftovers.to_s
write.call(auth, :text)
begin
  loop do
    while (frame = frames.next)
      text = frame.to_s
      case frame.type
      when :ping then write.call(text, :pong)
      when :close
        puts "closed #{frame.code} #{text}"
        exit
      when :text
        puts "got #{text.bytesize}"
        write.call(text[SAY.size..-2], :text) if text.start_with?(SAY)
        if text.start_with?('{"type":"field.bye"')
          socket.write(WebSocket::Frame::Outgoing::Client.new(
            version: handshake.version, type: :close, code: 1000
          ).to_s)
        end
      end
    end
    if frames.error?
      puts "error #{frames.error}"
      exit
    end
    frames << socket.readpartial(65_536)
  end
rescue SystemCallError, IOError => e
  puts "closed #{e.class}"
end
