// SPDX-License-Identifier: MIT
// nodejs-websocket: URL AUTH
const { connect } = require(`${process.cwd()}/node_modules/nodejs-websocket`);

const SAY = '{"type":"field.say","data":';
const [url, auth] = process.argv.slice(2);
const socket = connect(url, () => socket.sendText(auth));
socket.on('text', (text) => {
  console.log(`got ${Buffer.byteLength(text)}`);
  if (text.startsWith(SAY)) socket.sendText(text.slice(SAY.length, -1));
  if (text.startsWith('{"type":"field.bye"')) socket.close(1000);
});
socket.on('error', (error) => console.log(`error ${error.message}`));
socket.on('close', (code, reason) => {
  console.log(`closed ${code} ${reason}`);
  setTimeout(() => process.exit(), 50);
});
