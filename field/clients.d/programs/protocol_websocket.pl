# SPDX-License-Identifier: MIT
# Protocol::WebSocket::Client on a blocking socket: URL AUTH
use strict;
use warnings;
use IO::Socket::INET;
use Protocol::WebSocket::Client;

$| = 1;
my ($url, $auth) = @ARGV;
my ($host) = $url =~ m{//([^/]+)};
my $say = '{"type":"field.say","data":';
my $socket = IO::Socket::INET->new(PeerAddr => $host) or die $!;
my $client = Protocol::WebSocket::Client->new(url => $url);
$client->on(write => sub { $socket->write($_[1]) });
$client->on(connect => sub { $_[0]->write($auth) });
$client->on(error => sub { print "error $_[1]\n"; exit });
$client->on(eof => sub { print "closed eof\n"; exit });
$client->on(read => sub {
  my ($self, $text) = @_;
  utf8::encode($text) if utf8::is_utf8($text);
  print 'got ', length($text), "\n";
  $self->write(substr $text, length $say, -1) if index($text, $say) == 0;
  $self->disconnect if index($text, '{"type":"field.bye"') == 0;
});
$client->connect;
while ($socket->sysread(my $bytes, 65536)) { $client->read($bytes) }
print "closed end of file\n";
