// fhir-kit-client, as its README uses it.
import { GATEWAY, NHS, PATIENT, STRANGER, done, load, matches, token } from './sandbox.mjs';
const { Client } = await load('fhir-kit-client/dist/index.js');

const client = new Client({ baseUrl: GATEWAY, bearerToken: await token() });

const found = await client.search({ resourceType: 'Patient', searchParams: { identifier: `${NHS}|${PATIENT}` } });
const [patient] = matches(found);
let page = await client.search({ resourceType: 'Observation', searchParams: { patient: patient.id, _count: 5 } });
const ids = [];
while (page) {
  ids.push(...matches(page).map((resource) => resource.id));
  page = page.link.some((link) => link.relation === 'next') ? await client.nextPage({ bundle: page }) : undefined;
}
const read = await client.read({ resourceType: 'Observation', id: ids[0] });
let refusal;
try {
  const searchParams = { 'patient.identifier': `${NHS}|${STRANGER}` };
  await client.search({ resourceType: 'Observation', searchParams });
} catch (error) {
  refusal = error.response.data;
}
done({ patient: patient.id, ids, read, refusal });
