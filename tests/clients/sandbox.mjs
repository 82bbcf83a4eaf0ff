// What the scripts here are told, by the environment, and how each ends: with a line of JSON that the test reads.
// Run in the folder that holds node_modules.
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

globalThis.WebSocket ??= class {}; // Node 20 has none, and one is only named
export const require = createRequire(`${process.cwd()}/`);
export const load = (file) => import(pathToFileURL(`${process.cwd()}/node_modules/${file}`));
export const { GATEWAY, IDENTITY, PERSONA, PATIENT, STRANGER } = process.env;
export const NHS = 'https://fhir.nhs.uk/Id/nhs-number';

// Signs in: the sandbox's identity provider gives a persona's bearer token.
export async function token() {
  const body = new URLSearchParams({ grant_type: 'persona', persona: PERSONA });
  return (await (await fetch(`${IDENTITY}/token`, { method: 'POST', body })).json()).access_token;
}

export function matches(bundle) {
  return bundle.entry.filter((entry) => entry.search.mode === 'match').map((entry) => entry.resource);
}

export function done(found) {
  console.log(JSON.stringify(found));
}
