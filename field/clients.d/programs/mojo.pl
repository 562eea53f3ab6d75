# SPDX-License-Identifier: MIT
# Mojo::UserAgent: URL AUTH; with "deflate" in front it asks for compression
use Mojo::Base -strict;
use Mojo::UserAgent;
use Mojo::IOLoop;

$| = 1;
my ($url, $auth) = @ARGV[-2, -1];
my $say = '{"type":"field.say","data":';
my %headers = $ARGV[0] eq 'deflate'
  ? ('Sec-WebSocket-Extensions' => 'permessage-deflate') : ();
my $ua = Mojo::UserAgent->new;
$ua->websocket($url => \%headers => sub {
  my ($ua, $tx) = @_;
  return say 'error no handshake: ' . ($tx->error // {})->{message}
    unless $tx->is_websocket;
  $tx->on(text => sub {
    my ($tx, $bytes) = @_;
    say 'got ', length $bytes;
    $tx->send({text => substr $bytes, length $say, -1})
      if index($bytes, $say) == 0;
    $tx->finish(1000) if index($bytes, '{"type":"field.bye"') == 0;
  });
  $tx->on(error => sub { say "error $_[1]" });
  $tx->on(finish => sub {
    say join ' ', 'closed', $_[1] // 'undef', $_[2] // '';
    Mojo::IOLoop->timer(0.2 => sub { Mojo::IOLoop->stop });
  });
  $tx->send($auth);
});
Mojo::IOLoop->start;
