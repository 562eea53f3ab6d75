# SPDX-License-Identifier: MIT
# Tokens by libraries of Ruby; see node.mjs.
require "json"
require "openssl"
require "jwt"
require "json/jwt"

def key(alg)
  return File.read("#{ENV["KEYS"]}/secret") if alg.start_with? "HS"
  name = alg =~ /^[RP]S/ ? "RSA" : alg
  OpenSSL::PKey.read(File.read("#{ENV["KEYS"]}/#{name}.pem"))
end

libraries = {
  "ruby-jwt" => [Gem.loaded_specs["jwt"]&.version || JWT.gem_version,
    ->(alg, claims) { JWT.encode(claims.merge("exp" => Time.now.to_i + 3600), key(alg), alg) }],
  "json-jwt" => [Gem::Specification.find_by_name("json-jwt").version,
    ->(alg, claims) { JSON::JWT.new(claims.transform_keys(&:to_sym).merge(exp: 3600.seconds.from_now)).sign(key(alg), alg.to_sym).to_s }],
  "json-jwt, names of claims as strings" => [Gem::Specification.find_by_name("json-jwt").version,
    ->(alg, claims) { JSON::JWT.new(claims.merge("exp" => 3600.seconds.from_now)).sign(key(alg), alg.to_sym).to_s }],
}
libraries.each do |library, (version, make)|
  JSON.parse(ENV["CASES"]).each do |c|
    line = { library: library, version: version.to_s.strip, case: c["name"], alg: c["alg"] }
    begin
      line[:token] = make.call(c["alg"], c["claims"])
    rescue Exception => e
      line[:error] = e.message.lines.first.to_s.strip
    end
    puts JSON.generate(line)
  end
end
