// @medplum/core's client.
import { GATEWAY, NHS, PATIENT, STRANGER, done, matches, require, token } from './sandbox.mjs';
const { MedplumClient, OperationOutcomeError } = require('@medplum/core');

const client = new MedplumClient({ baseUrl: GATEWAY.replace(/fhir$/, ''), fhirUrlPath: 'fhir', fetch });
client.setAccessToken(await token());

const [patient] = matches(await client.search('Patient', { identifier: `${NHS}|${PATIENT}` }));
const ids = [];
for await (const page of client.searchResourcePages('Observation', { patient: patient.id, _count: 5 })) {
  // its pages are bare resources, the outcome among them
  ids.push(...page.filter((one) => one.resourceType === 'Observation').map((one) => one.id));
}
const read = await client.readResource('Observation', ids[0]);
let refusal;
try {
  await client.search('Observation', { 'patient.identifier': `${NHS}|${STRANGER}` });
} catch (error) {
  if (error instanceof OperationOutcomeError) refusal = error.outcome;
}
done({ patient: patient.id, ids, read, refusal });
