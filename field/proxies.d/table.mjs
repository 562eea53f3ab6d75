// SPDX-License-Identifier: MIT
// The proxies: `file` is what an operator writes, and is shown in the page;
// `fit` makes of it what runs here: other ports and folders, nothing else.
// `c` has port, backend (its port), folder, pem (certificate and key).
// `shipped` gives it the limits that Debian ships, for `--capacity`.

const common = (text, c) => text
  .replaceAll('127.0.0.1:8080', `127.0.0.1:${c.backend}`)
  .replace(/\/etc\/(ssl|haproxy)\/site\.(pem|key)/g, c.pem);

const MODULES = ['mpm_event', 'authz_core', 'ssl', 'socache_shmcb', 'proxy',
  'proxy_http', 'proxy_wstunnel'];

export const proxies = [
  {
    name: 'nginx', apt: 'nginx-light', file: 'nginx.conf',
    fit: (text, c) => common(text, c)
      .replace('listen 443', `listen 127.0.0.1:${c.port}`)
      .replace('http {', `pid ${c.folder}/pid;\nerror_log ${c.folder}/log;\n`
        + `http {\n access_log off;\n client_body_temp_path ${c.folder}/b;\n`
        + ` proxy_temp_path ${c.folder}/p;\n fastcgi_temp_path ${c.folder}/f;\n`
        + ` uwsgi_temp_path ${c.folder}/u;\n scgi_temp_path ${c.folder}/s;\n`),
    shipped: (text) => text.replace('processes auto', 'processes 1')
      .replace('worker_connections 20000', 'worker_connections 768'),
    command: (c) => ['nginx', '-e', `${c.folder}/log`, '-c', c.file,
      '-g', 'daemon off;'],
  },
  {
    name: 'haproxy', apt: 'haproxy', file: 'haproxy.cfg',
    fit: (text, c) => common(text, c)
      .replace('bind :443', `bind 127.0.0.1:${c.port}`),
    command: (c) => ['haproxy', '-db', '-f', c.file],
  },
  {
    name: 'Apache', apt: 'apache2', file: 'apache.conf',
    fit: (text, c) => MODULES.map((name) => `LoadModule ${name}_module `
      + `/usr/lib/apache2/modules/mod_${name}.so\n`).join('')
      + `ServerRoot ${c.folder}\nServerName app.example.com\nUser www-data\n`
      + `Group www-data\nPidFile pid\nErrorLog log\nMutex file:${c.folder}\n`
      + `Listen 127.0.0.1:${c.port}\n${common(text, c)
        .replaceAll('127.0.0.1:8080', `127.0.0.1:${c.backend}`)
        .replace('*:443', `*:${c.port}`)}`,
    shipped: (text) => text.replace(/^(ServerLimit|ThreadsPerChild).*$/gm, '')
      .replace(/^MaxRequestWorkers.*$/m, 'MaxRequestWorkers 150'),
    command: (c) => ['apache2', '-DFOREGROUND', '-f', c.file],
  },
  {
    name: 'lighttpd', apt: 'lighttpd', more: ['lighttpd-mod-openssl'],
    file: 'lighttpd.conf',
    fit: (text, c) => `server.document-root = "${c.folder}"\n`
      + `server.bind = "127.0.0.1"\nserver.port = ${c.spare}\n`
      + `server.max-fds = 16384\n${common(text, c)
        .replace('":443"', `"127.0.0.1:${c.port}"`)
        .replace('"port" => 8080', `"port" => ${c.backend}`)}`,
    command: (c) => ['lighttpd', '-D', '-f', c.file],
  },
  {
    name: 'varnish', apt: 'varnish', more: ['gcc', 'libc6-dev'],
    file: 'varnish.vcl', isPlain: true,
    fit: (text, c) => text.replace('"8080"', `"${c.backend}"`),
    command: (c) => ['varnishd', '-F', '-n', `${c.folder}/work`, '-a',
      `127.0.0.1:${c.port}`, '-f', c.file, '-p', 'backend_idle_timeout=4'],
  },
  {
    name: 'Caddy', apt: 'caddy', file: 'Caddyfile',
    fit: (text, c) => `{\n admin off\n auto_https disable_redirects\n`
      + ` skip_install_trust\n}\n${common(text, c)
        .replace('app.example.com {', `https://app.example.com:${c.port} {\n`
          + `  tls ${c.pem} ${c.pem}`)}`,
    command: (c) => ['caddy', 'run', '--adapter', 'caddyfile', '--config',
      c.file],
  },
  {
    name: 'h2o', apt: 'h2o', file: 'h2o.conf',
    fit: (text, c) => `user: root\npid-file: ${c.folder}/pid\n${
      common(text, c).replace('port: 443', `host: 127.0.0.1\n  port: ${c.port}`)
    }`,
    shipped: (text) => text.replace(/^max-connections.*$/m, ''),
    command: (c) => ['h2o', '-c', c.file],
  },
  {
    name: 'squid', apt: 'squid-openssl', file: 'squid.conf',
    fit: (text, c) => `pid_filename none\ncache_log ${c.folder}/log\n`
      + `access_log none\ncache_effective_user proxy\ncoredump_dir none\n`
      + `shutdown_lifetime 1 second\n${
        common(text, c).replace('65536', c.descriptors).replace('https_port 443',
          `https_port 127.0.0.1:${c.port}`)
          .replace('parent 8080', `parent ${c.backend}`)}`,
    shipped: (text) => text.replace(/^max_filedescriptors.*$/m,
      'max_filedescriptors 1024'), // what `ulimit -n` is for a service
    command: (c) => ['squid', '-N', '-n', `field${c.port}`, '-f', c.file],
  },
  {
    name: 'stunnel', apt: 'stunnel4', file: 'stunnel.conf',
    options: { 'proxy.header': 'proxy-protocol' },
    fit: (text, c) => `foreground = yes\npid =\n${common(text, c)
      .replace('accept  = 443', `accept = 127.0.0.1:${c.port}`)}`,
    command: (c) => ['stunnel4', c.file],
  },
];
