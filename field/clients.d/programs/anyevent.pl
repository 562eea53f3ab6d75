# SPDX-License-Identifier: MIT
# AnyEvent::WebSocket::Client: URL AUTH
use strict;
use warnings;
use AnyEvent;
use AnyEvent::WebSocket::Client;

$| = 1;
my ($url, $auth) = @ARGV;
my $say = '{"type":"field.say","data":';
my $done = AnyEvent->condvar;
my $socket = AnyEvent::WebSocket::Client->new->connect($url)->recv;
$socket->on(each_message => sub {
  my ($connection, $message) = @_;
  my $text = $message->body;
  print 'got ', length($text), "\n";
  $connection->send(AnyEvent::WebSocket::Message->new(
    body => substr $text, length $say, -1)) if index($text, $say) == 0;
  $connection->close(1000) if index($text, '{"type":"field.bye"') == 0;
});
$socket->on(parse_error => sub { print "error $_[1]\n" });
$socket->on(finish => sub {
  my ($connection, $text) = @_;
  print join ' ', 'closed', $connection->close_code // 'undef',
    $connection->close_reason // '', $text // '', "\n";
  $done->send;
});
$socket->send($auth);
$done->recv;
