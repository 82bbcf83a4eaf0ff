// The provider's console: an organisation joins by these pages alone, and an operator lets it in. At each page axe looks, and a picture is taken.
import assert from 'node:assert/strict';
import { done, everywhere, gateway } from './browser.mjs';

// where its server is, whose numbers it knows, and the codes that nobody has used yet: one for each walk
const [server, numbers, codes] = process.argv.slice(4);
const free = codes.split(',');

async function signsIn(visit, persona) {
  await visit.page.getByRole('link', { name: 'Sign in with Care Identity' }).click();
  const button = visit.page.getByRole('button', { name: persona, exact: true }).first();
  if (await button.count()) return button.click();
  await visit.page.getByLabel('Persona').fill(persona);
  await visit.page.getByRole('button', { name: 'Be that persona' }).click();
}

async function signsInAs(visit, persona) {
  const out = visit.page.getByRole('button', { name: 'Sign out' });
  await visit.goto('/');
  if (await out.count()) await out.click();
  await visit.goto('/providers');
  await signsIn(visit, persona);
}

async function decides(visit, name) {
  const { page } = visit;
  await visit.goto('/providers/all');
  await page.getByRole('link', { name }).first().click();
  await page.getByRole('radio', { name: 'Approve' }).check();
  await page.getByRole('button', { name: 'Decide' }).click();
}

await everywhere('joins', async (visit) => {
  const { page } = visit;
  const ods = free.shift();
  const name = `Lantern Hospice ${ods}`;
  await visit.goto('/providers');
  await signsIn(visit, `systems:${ods}`);
  await visit.looksRight('unregistered');
  await page.getByRole('link', { name: 'Register your organisation' }).click();
  await visit.looksRight('organisation-form');
  // what is wrong is said, with a way to where it is mended
  await page.getByRole('button', { name: 'Save and send' }).click();
  assert.match(await page.title(), /^Error: /);
  await visit.looksRight('organisation-wrong');
  await page.getByRole('link', { name: /Enter the organisation/ }).click();
  assert.equal(await visit.asked('document.activeElement.id'), 'name');
  await page.getByLabel('Name of the organisation').fill(name);
  await page.getByLabel('Kind of organisation').selectOption('hospice');
  await page.getByLabel('Reference').fill('ISA-2026-014');
  await page.getByLabel('What it is for').fill('Systems desk');
  await page.getByLabel('Kind', { exact: true }).selectOption('phone');
  await page.getByLabel('Address or number').fill('01632 960 950');
  await page.getByRole('button', { name: 'Save and send' }).click();
  assert.match(await page.textContent('main'), /Waits for approval/);
  await visit.looksRight('waits');

  await signsInAs(visit, 'operator-estuary');
  await page.getByRole('link', { name: /what waits for a decision/ }).click();
  await visit.looksRight('all');
  await page.getByRole('link', { name: new RegExp(name) }).first().click();
  await visit.looksRight('proposal');
  await page.getByRole('radio', { name: 'Refuse' }).check();
  await page.getByRole('button', { name: 'Decide' }).click();
  await visit.looksRight('no-reason');
  await page.getByRole('radio', { name: 'Approve' }).check();
  await page.getByRole('button', { name: 'Decide' }).click();
  assert.match(await page.textContent('main'), /In force/);

  await signsInAs(visit, `systems:${ods}`);
  await page.getByRole('link', { name: 'Register an endpoint' }).click();
  await page.getByLabel('Name', { exact: true }).fill('Our own record');
  await page.getByLabel('Address', { exact: true }).fill(server);
  await page.getByRole('checkbox', { name: 'Condition', exact: true }).check();
  await page.getByRole('checkbox', { name: 'Observation', exact: true }).check();
  await page.getByRole('radio', { name: 'At once by the patient' }).check();
  await page.getByLabel('Time for an answer').fill('20000');
  await page.getByLabel('Test patients').fill('9434765919');
  await visit.looksRight('endpoint-form');
  await page.getByRole('button', { name: 'Save and send' }).click();
  await visit.looksRight('endpoint-wrong');
  await page.getByLabel('Test patients').fill(numbers.replaceAll(',', '\n'));
  await page.getByRole('button', { name: 'Save and send' }).click();
  await signsInAs(visit, 'operator-estuary');
  await decides(visit, name);

  await signsInAs(visit, `systems:${ods}`);
  await page.getByRole('link', { name: 'Stages', exact: true }).click();
  await visit.looksRight('stages');
  await page.getByRole('radio', { name: 'Live' }).check();
  await page.getByLabel('Reason').fill('the desk agreed');
  await page.getByRole('button', { name: 'Change the stage' }).click();
  assert.match(await page.textContent('main'), /has not lately passed a probe/);
  await visit.looksRight('not-probed');
  await visit.goto(`/providers/${ods}/probes`);
  await visit.looksRight('probes');
  await page.getByRole('button', { name: 'Probe the endpoint now' }).click();
  // it is loaded again by itself until it is over; axe looks once it is, as a page that is loaded again is gone under its eyes
  await page.getByText('What to mend first').waitFor({ timeout: 60_000 });
  await page.getByText(/^Over all of its answers/).click();
  await visit.looksRight('report');
  await visit.goto(`/providers/${ods}/stages`);
  await page.getByRole('radio', { name: 'Live' }).check();
  await page.getByLabel('Reason').fill('the desk agreed');
  await page.getByRole('button', { name: 'Change the stage' }).click();
  assert.match(await page.locator('.nhsuk-tag').first().textContent(), /Live/);
  await visit.looksRight('live');
  await visit.goto('/providers');
  await visit.looksRight('overview');
  await page.getByRole('link', { name: 'History' }).click();
  await page.getByText('What version 1 changed').first().click();
  await visit.looksRight('history');
  await visit.goto(`/providers/${ods}/health`);
  await visit.looksRight('health');
  await visit.goto(`/providers/${ods}/disclosures`);
  await visit.looksRight('nothing-left');
});

await everywhere('left', async (visit) => {
  const { page } = visit;
  await visit.goto('/providers');
  await signsIn(visit, 'privacy-officer-saltmarsh');
  await visit.looksRight('officer');
  await page.getByRole('link', { name: 'What left your organisation' }).click();
  assert.match(await page.textContent('main'), /Shown [1-9]/);
  await visit.looksRight('disclosures');
  await page.getByLabel('First day').fill('soon');
  await page.getByRole('button', { name: 'Show these days' }).click();
  await visit.looksRight('disclosures-wrong');
  const [table] = await Promise.all([
    page.waitForEvent('download'),
    visit.goto('/providers/F99001/disclosures').then(() => page.getByRole('link', { name: /Download/ }).click()),
  ]);
  assert.equal(table.suggestedFilename(), 'disclosures.csv');
  await signsInAs(visit, 'systems-saltmarsh');
  await visit.looksRight('configured');
  await visit.goto('/providers/F99001/disclosures');
  await visit.looksRight('totals');
  await visit.goto('/providers/F99001/health');
  assert.match(await page.textContent('main'), /19 of 20/);
  await visit.looksRight('health');
});

await everywhere('by-keyboard', async (visit) => {
  const { page } = visit;
  const ods = free.shift();
  await visit.goto('/providers');
  await signsIn(visit, `systems:${ods}`);
  await page.waitForURL('**/providers');
  await page.waitForLoadState();
  await visit.tabTo('Register your organisation');
  await Promise.all([page.waitForNavigation(), page.keyboard.press('Enter')]);
  await page.getByLabel('Name of the organisation').focus();
  await page.keyboard.type(`Keys ${ods}`);
  await page.keyboard.press('Tab');
  await page.keyboard.type('Hospice');
  await page.getByLabel('Reference').focus();
  await page.keyboard.type('ISA-1');
  const [sent] = await Promise.all([page.waitForNavigation(), page.keyboard.press('Enter')]);
  assert.equal(sent.status(), 200);
  assert.match(await page.textContent('main'), /Waits for approval/);
});

await done();
