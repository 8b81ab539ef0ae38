// Lets MDN HTTP Observatory judge sites on ports of its caller's choice, which its command cannot.
// Reads [{"name", "host", "httpPort", "httpsPort"}] from standard input; writes
// {name: {test: {"result", "pass"}}}.
import { readFileSync } from "node:fs";
import { ALL_TESTS } from "@mdn/mdn-http-observatory/src/constants.js";
import { retrieve } from "@mdn/mdn-http-observatory/src/retriever/retriever.js";

const told = {};
for (const { name, host, httpPort, httpsPort } of JSON.parse(readFileSync(0, "utf8"))) {
  const requests = await retrieve(host, { httpPort, httpsPort });
  const outputs = ALL_TESTS.map((test) => test(requests));
  told[name] = Object.fromEntries(
    outputs.map(({ constructor, result, pass }) => [constructor.name, { result, pass }]),
  );
}
console.log(JSON.stringify(told));
