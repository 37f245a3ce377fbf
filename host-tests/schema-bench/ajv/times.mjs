// Takes the time of ajv, as it is told to, line by line.
//
//   node times.mjs FOLDER      FOLDER has ajv
//
// {"schema": …, "text": "…"}  from now on this; answers whether the text is valid
// {"times": N, "bytes": B}    JSON.parse and validate, N times; answers how long that took, in nanoseconds. With B the
//                             text begins as the bytes that a server gets, else as a string.
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const require = createRequire(`${process.argv[2]}/`);
const { default: Ajv } = require("ajv/dist/2020.js");
const { default: formats } = require("ajv-formats");

let validate, text, bytes;
for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line);
  let answer;
  if (command.schema) {
    validate = formats(new Ajv()).compile(command.schema);
    text = command.text;
    bytes = Buffer.from(text);
    answer = validate(JSON.parse(text));
  } else {
    let valid = 0;
    const start = process.hrtime.bigint();
    if (command.bytes) {
      for (let time = 0; time < command.times; time++) valid += validate(JSON.parse(bytes.toString()));
    } else {
      for (let time = 0; time < command.times; time++) valid += validate(JSON.parse(text));
    }
    const end = process.hrtime.bigint();
    if (valid !== command.times) throw new Error(`${valid} of ${command.times} valid`);
    answer = Number(end - start);
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
