// fhirclient, SMART's own client in JavaScript.
import { GATEWAY, NHS, PATIENT, STRANGER, done, matches, require, token } from './sandbox.mjs';
const smart = require('fhirclient');

// within a request of some Node server, which has the token from elsewhere: the sandbox has no pages to sign in on
const request = { headers: { host: 'app.example' }, socket: {}, url: '/' };
const client = smart(request, {}, { get() {}, set() {}, unset() {} }).client({
  serverUrl: GATEWAY,
  tokenResponse: { access_token: await token() },
});

const [patient] = matches(await client.request(`Patient?identifier=${encodeURIComponent(`${NHS}|${PATIENT}`)}`));
// all pages: it follows `next` while there is one
const pages = await client.request(`Observation?patient=${patient.id}&_count=5`, { pageLimit: 0 });
const ids = pages.flatMap((page) => matches(page).map((resource) => resource.id));
const read = await client.request(`Observation/${ids[0]}`);
let refusal;
try {
  await client.request(`Observation?patient.identifier=${encodeURIComponent(`${NHS}|${STRANGER}`)}`);
} catch (error) {
  // its HttpError has the body, as JSON, below a blank line of its message
  if (error.status === 403) refusal = JSON.parse(error.message.split('\n\n')[1]);
}
done({ patient: patient.id, ids, read, refusal });
