// SPDX-License-Identifier: MIT
// The clients: how each is had, built and run. `npm` and `apt` say what has
// the version; `more` are packages it needs beside it. `command` is run in the
// temporary folder, `build` before it by a shell; PROGRAMS is our folder.
// `known` is how a conversation ends that fails by the library's own doing,
// `knownDeflated` the same with compression; `note` says it in the page.
import { fileURLToPath } from 'node:url';

export const PROGRAMS = fileURLToPath(new URL('programs', import.meta.url));
const node = (version) => `./node_modules/node${version}/bin/node`;

const js = (name, npm, library = npm, on = node(24)) => ({
  name, npm, command: [on, `${PROGRAMS}/w3c.mjs`, library],
});
const python = (name, apt, file, ...args) => ({
  name, apt, command: ['/usr/bin/python3', `${PROGRAMS}/${file}.py`, ...args],
});
const go = (name, apt, file, ...args) => ({
  name, apt, more: ['golang-go'], command: [`./${file}`, ...args],
  build: `GO111MODULE=off GOPATH=/usr/share/gocode GOCACHE=$PWD/go-cache \
    go build -o ${file} ${PROGRAMS}/${file}.go`,
});
const cpp = (name, apt, file, libraries, ...args) => ({
  name, apt, more: ['g++'], command: [`./${file}`, ...args],
  build: `g++ -O1 -w -o ${file} ${PROGRAMS}/${file}.cc ${libraries} -lpthread`,
});
const c = (name, apt, file, library) => ({
  name, apt, more: ['gcc', 'libc6-dev'], command: [`./${file}`],
  build: `cc -O1 -o ${file} ${PROGRAMS}/${file}.c ${library}`,
});
const java = (name, apt, file, jars = []) => {
  const path = ['.', ...jars.map((jar) => `/usr/share/java/${jar}.jar`)]
    .join(':');
  return {
    name, apt, more: ['default-jdk-headless'],
    build: `javac -nowarn -d . -cp ${path} ${PROGRAMS}/${file}.java`,
    command: ['java', '-cp', path, file],
  };
};

export const clients = [
  js('ws 8', 'ws8'),
  js('ws 7', 'ws7'),
  js('ws 6', 'ws6'),
  js('ws 5', 'ws5'),
  js('isomorphic-ws', 'isomorphic-ws'),
  js('websocket (npm)', 'websocket'),
  js('faye-websocket (npm)', 'faye-websocket'),
  js('undici 6', 'undici6'),
  js('undici 7', 'undici7'),
  js('undici 8', 'undici8'),
  js('Node 22, its own', 'node22', 'global', node(22)),
  js('Node 24, its own', 'node24', 'global', node(24)),
  js('Node 26, its own', 'node26', 'global', node(26)),
  js('reconnecting-websocket on ws', 'reconnecting-websocket'),
  js('partysocket on ws', 'partysocket'),
  {
    name: 'nodejs-websocket', npm: 'nodejs-websocket',
    command: [node(24), `${PROGRAMS}/nodejs_websocket.cjs`],
  },
  {
    name: 'Deno', npm: '@deno/linux-x64-glibc',
    command: ['./node_modules/@deno/linux-x64-glibc/deno', 'run', '-A',
      `${PROGRAMS}/w3c.mjs`, 'global'],
  },
  {
    name: 'Chromium', apt: 'chromium',
    command: [node(24), `${PROGRAMS}/chromium.mjs`],
  },
  python('websockets', 'python3-websockets', 'websockets_client'),
  python('websocket-client', 'python3-websocket', 'websocket_client'),
  python('aiohttp', 'python3-aiohttp', 'aiohttp_client'),
  python('aiohttp, `compress=15`', 'python3-aiohttp', 'aiohttp_client',
    'deflate'),
  python('Tornado', 'python3-tornado', 'tornado_client'),
  python('Tornado, `compression_options={}`', 'python3-tornado',
    'tornado_client', 'deflate'),
  python('Autobahn on asyncio', 'python3-autobahn', 'autobahn_client'),
  python('trio-websocket', 'python3-trio-websocket', 'trio_client'),
  python('ws4py', 'python3-ws4py', 'ws4py_client'),
  python('Qt 5 (PyQt)', 'python3-pyqt5.qtwebsockets', 'qt', '5'),
  python('Qt 6 (PyQt)', 'python3-pyqt6.qtwebsockets', 'qt', '6'),
  {
    ...python('libsoup 2.4', 'gir1.2-soup-2.4', 'soup', '2.4'),
    more: ['python3-gi'],
  },
  {
    ...python('libsoup 3', 'gir1.2-soup-3.0', 'soup', '3.0'),
    more: ['python3-gi'],
  },
  go('gorilla/websocket', 'golang-github-gorilla-websocket-dev', 'gorilla'),
  {
    ...go('nhooyr.io/websocket', 'golang-nhooyr-websocket-dev', 'nhooyr'),
    known: 'the 40 KB did not come as they were',
    knownDeflated: 'the 40 KB did not come as they were',
    note: 'yes, with short messages',
  },
  go('gorilla/websocket, `EnableCompression`',
    'golang-github-gorilla-websocket-dev', 'gorilla', 'deflate'),
  go('x/net/websocket', 'golang-golang-x-net-dev', 'xnet'),
  {
    name: 'Mojo::UserAgent', apt: 'libmojolicious-perl',
    command: ['perl', `${PROGRAMS}/mojo.pl`],
  },
  {
    name: 'Mojo::UserAgent, deflate', apt: 'libmojolicious-perl',
    command: ['perl', `${PROGRAMS}/mojo.pl`, 'deflate'],
  },
  {
    name: 'AnyEvent::WebSocket::Client',
    apt: 'libanyevent-websocket-client-perl',
    command: ['perl', `${PROGRAMS}/anyevent.pl`],
  },
  {
    name: 'Protocol::WebSocket::Client', apt: 'libprotocol-websocket-perl',
    command: ['perl', `${PROGRAMS}/protocol_websocket.pl`],
    known: 'ended by protocol_error', knownDeflated: 'ended by protocol_error',
    note: 'yes; its close frame is not masked',
  },
  {
    name: 'faye-websocket (Ruby)', apt: 'ruby-faye-websocket',
    command: ['ruby', `${PROGRAMS}/faye.rb`],
  },
  {
    name: 'websocket (Ruby), frames only', apt: 'ruby-websocket',
    command: ['ruby', `${PROGRAMS}/ruby_websocket.rb`],
  },
  {
    name: 'tcllib websocket', apt: 'tcllib',
    command: ['tclsh', `${PROGRAMS}/tcl.tcl`],
    known: 'ended by disconnected', knownDeflated: 'ended by disconnected',
    note: 'yes; sends no close frame',
  },
  {
    name: 'lua-http', apt: 'lua-http', more: ['lua5.1'],
    command: ['lua5.1', `${PROGRAMS}/lua_http.lua`],
  },
  {
    name: 'Emacs websocket.el', apt: 'elpa-websocket', more: ['emacs-nox'],
    command: ['emacs', '--batch', '--eval', '(package-initialize)',
      '-l', `${PROGRAMS}/emacs.el`],
    known: 'ended by protocol_error', knownDeflated: 'ended by protocol_error',
    note: 'yes; its close frame is not masked',
  },
  {
    name: 'SWI-Prolog', apt: 'swi-prolog-nox',
    command: ['swipl', `${PROGRAMS}/swi.pl`],
    known: 'no login: HTTP/1.1 400 Bad Request',
    knownDeflated: 'no login: HTTP/1.1 400 Bad Request',
    note: 'no: it asks in HTTP/1.0, and is answered 400',
  },
  {
    name: 'Godot 3', apt: 'godot3-server',
    command: ['godot3-server', '-s', `${PROGRAMS}/godot.gd`],
  },
  c('libwebsockets', 'libwebsockets-dev', 'lws', '-lwebsockets'),
  c('CivetWeb', 'libcivetweb-dev', 'civetweb', '-lcivetweb'),
  cpp('WebSocket++', 'libwebsocketpp-dev', 'websocketpp', ''),
  cpp('Boost.Beast', 'libboost-dev', 'beast', ''),
  cpp('Boost.Beast, deflate', 'libboost-dev', 'beast', '', 'deflate'),
  cpp('Poco', 'libpoco-dev', 'poco', '-lPocoNet -lPocoFoundation'),
  cpp('C++ REST SDK', 'libcpprest-dev', 'cpprest',
    '-lcpprest -lssl -lcrypto -lboost_system'),
  java('JDK `java.net.http`', 'openjdk-17-jre-headless', 'java_http'),
  java('Jetty 9', 'libjetty9-extra-java', 'jetty', [
    'jetty9-websocket-client', 'jetty9-websocket-common',
    'jetty9-websocket-api', 'jetty9-client', 'jetty9-io', 'jetty9-util',
    'jetty9-http']),
  {
    ...java('Tomcat 9', 'libtomcat9-java', 'tomcat', [
      'tomcat9-websocket', 'tomcat9-websocket-api', 'tomcat9-juli',
      'tomcat9-util', 'tomcat9-util-scan', 'tomcat9-coyote', 'tomcat9-api',
      'tomcat9-annotations-api']),
    known: 'the 40 KB did not come as they were',
    knownDeflated: 'the 40 KB did not come as they were',
    note: 'yes, with short messages',
  },
  java('OkHttp 3', 'libokhttp-java', 'okhttp', ['okhttp', 'okio']),
];
