// What ajv says of bodies: a line each, `valid`, `invalid`, or `unread` where JSON.parse takes none of it.
//
//   node verdicts.mjs FOLDER <LINES      FOLDER has ajv; the first line is a schema, every other one a body as a JSON string
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const require = createRequire(`${process.argv[2]}/`);
const { default: Ajv } = require("ajv/dist/2020.js");
const { default: formats } = require("ajv-formats");

let validate;
const verdicts = [];
for await (const line of createInterface({ input: process.stdin })) {
  if (!validate) {
    validate = formats(new Ajv()).compile(JSON.parse(line));
    continue;
  }
  const body = JSON.parse(line);
  let value;
  try {
    value = JSON.parse(body);
  } catch {
    verdicts.push("unread");
    continue;
  }
  verdicts.push(validate(value) ? "valid" : "invalid");
}
process.stdout.write(verdicts.map((verdict) => `${verdict}\n`).join(""));
