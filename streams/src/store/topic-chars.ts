/** Which characters a topic's name may begin with, and have later on: what `topicName` says, as a table. */
export const TOPIC_CHARS = new Uint8Array(256);
export const FIRST_CHAR = 1;
export const LATER_CHAR = 2;
for (let code = 0; code < 128; code++) {
  const char = String.fromCharCode(code);
  if (/[A-Za-z0-9]/.test(char)) TOPIC_CHARS[code] = FIRST_CHAR | LATER_CHAR;
  else if (/[._\-/@=+]/.test(char)) TOPIC_CHARS[code] = LATER_CHAR;
}
