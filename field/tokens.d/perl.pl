# SPDX-License-Identifier: MIT
# Tokens by libraries of Perl; see node.mjs.
use strict;
use warnings;
use Crypt::JWT qw(encode_jwt);
use JSON::PP;

sub slurp { local (@ARGV, $/) = ($_[0]); return scalar <> }

my $json = JSON::PP->new->canonical;
for my $case (@{ $json->decode($ENV{CASES}) }) {
  my $alg = $case->{alg};
  my $name = $alg =~ /^HS/ ? 'secret' : $alg =~ /^[RP]S/ ? 'RSA.pem' : "$alg.pem";
  my $text = slurp("$ENV{KEYS}/$name");
  my %line = (library => 'Crypt::JWT', version => $Crypt::JWT::VERSION,
    case => $case->{name}, alg => $alg);
  $line{token} = eval {
    encode_jwt(payload => $case->{claims}, alg => $alg,
      key => $alg =~ /^HS/ ? $text : \$text, relative_exp => 3600);
  };
  ($line{error}) = split /\n/, $@ unless $line{token};
  delete $line{token} unless $line{token};
  print $json->encode(\%line), "\n";
}
