// The first pages: front, sign-in, an organisation's own page, who may not, what is nowhere, sign-out.
import assert from 'node:assert/strict';
import { done, everywhere, gateway } from './browser.mjs';

async function signsIn(visit, persona) {
  await visit.page.getByRole('link', { name: persona.startsWith('patient') ? 'Continue with NHS login' : 'Sign in with Care Identity' }).click();
  await visit.page.getByRole('button', { name: persona, exact: true }).first().click();
}

await everywhere('staff', async (visit) => {
  const { page } = visit;
  // somebody follows a link before they are signed in, and comes to it in the end
  await visit.goto('/providers');
  assert.equal(page.url(), `${gateway}/?to=%2Fproviders`);
  await visit.looksRight('sign-in');
  await signsIn(visit, 'systems-estuary');
  assert.equal(page.url(), `${gateway}/providers`);
  assert.match(await page.textContent('main'), /RZ901/);
  assert.match(await page.textContent('main'), /Acute trust/);
  assert.match(await page.textContent('header'), /P Gantry/);
  assert.equal(await page.getAttribute('[aria-current=page]', 'href'), `${gateway}/providers`);
  await visit.looksRight('providers');
  await page.getByRole('link', { name: 'Shared care record' }).click();
  await visit.looksRight('front');
  // a page opened in two tabs, signed out in one
  const other = await visit.context.newPage();
  await other.goto(`${gateway}/providers`);
  await page.getByRole('button', { name: 'Sign out' }).click();
  assert.match(await page.textContent('main'), /You are signed out/);
  await visit.looksRight('signed-out');
  await other.reload();
  assert.equal(other.url(), `${gateway}/?to=%2Fproviders`);
  // what the browser kept does not show it again
  await page.goBack();
  assert.equal(await page.getByRole('button', { name: 'Sign out' }).count(), 0, 'no page of before comes back');
});

await everywhere('refused', async (visit) => {
  const { page } = visit;
  await visit.goto('/');
  await signsIn(visit, 'consultant-estuary');
  const answer = await visit.goto('/providers');
  assert.equal(answer.status(), 403);
  assert.match(await page.textContent('h1'), /cannot see this page/);
  await visit.looksRight('refused');
  const missing = await visit.goto('/nothing-here');
  assert.equal(missing.status(), 404);
  await visit.looksRight('not-found');
  // the tab of a form that somebody left open: its session is another's by now
  await visit.goto('/');
  await visit.asked("document.querySelector('input[name=form_token]').value = 'x'");
  const [sent] = await Promise.all([page.waitForNavigation(), page.getByRole('button', { name: 'Sign out' }).click()]);
  assert.equal(sent.status(), 403);
  await visit.looksRight('not-done');
  await visit.goto('/');
  assert.match(await page.textContent('h1'), /signed in/, 'nothing was done');
});

await everywhere('officer', async (visit) => {
  const { page } = visit;
  await visit.goto('/providers');
  await signsIn(visit, 'privacy-officer-estuary');
  await page.getByRole('link', { name: 'Relationships your systems sent' }).click();
  assert.match(await page.textContent('main'), /seen or admitted there/);
  // why something was refused, without a script
  await page.getByText(/^Rules: /).first().click();
  assert.match(await page.textContent('main'), /Nobody speaks for another organisation/);
  assert.ok(await page.getByText(/Nobody speaks for another organisation/).first().isVisible());
  await visit.looksRight('relationships');
  await visit.goto('/providers');
  await page.getByRole('link', { name: 'Objections that concern' }).click();
  assert.match(await page.textContent('main'), /Showing what your organisation holds/);
  await visit.looksRight('objections');
  await visit.goto('/providers');
  await page.getByRole('link', { name: 'What left your organisation' }).click();
  await page.getByText(/^Rules: /).first().click();
  await visit.looksRight('disclosures');
  await visit.goto('/providers');
  await page.getByRole('link', { name: 'Taking back' }).click();
  await page.getByRole('button', { name: 'Take it back' }).click();
  assert.match(await page.textContent('main'), /There is a problem/);
  await visit.looksRight('recall-faults');
  await page.getByLabel('NHS number').fill(process.env.RECALLED_PATIENT);
  await page.getByLabel('What is to be taken back').fill(process.env.RECALLED_ITEM);
  await page.getByLabel('It was wrong').check();
  await page.getByRole('button', { name: 'Take it back' }).click();
  assert.match(await page.textContent('main'), /it was shown/);
  assert.match(await page.textContent('main'), /F99001/);
  await visit.looksRight('recalled');
});

await everywhere('patient', async (visit) => {
  const { page } = visit;
  // by another name than the one that the configuration has: signing in leads to that one
  await page.goto(gateway.replace('127.0.0.1', 'localhost'));
  await page.getByRole('link', { name: 'Continue with NHS login' }).click();
  await page.getByRole('button', { name: /^patient:/ }).first().click();
  assert.match(await page.textContent('header'), /Signed in as a patient/);
  await visit.looksRight('patient');
  const answer = await visit.goto('/providers');
  assert.equal(answer.status(), 403);
  await visit.looksRight('patient-refused');
});

await everywhere('turned-back', async (visit) => {
  const { page } = visit;
  await visit.goto('/');
  await page.getByRole('link', { name: 'Sign in with Care Identity' }).click();
  await page.getByRole('button', { name: 'Nobody' }).click();
  assert.match(await page.textContent('h1'), /not signed in/);
  await visit.looksRight('turned-back');
  await page.reload();
  assert.match(await page.textContent('h1'), /not signed in/);
});

await everywhere('keyboard', async (visit) => {
  const { page } = visit;
  await visit.goto('/');
  assert.equal(await visit.tab(), 'Skip to main content');
  await page.keyboard.press('Enter');
  // past the header, to the first thing that can be done
  assert.equal(await visit.tab(), 'Sign in with Care Identity');
  const [begun] = await Promise.all([page.waitForNavigation(), page.keyboard.press('Enter')]);
  assert.equal(begun.status(), 200);
  await visit.tabTo('systems-saltmarsh');
  await Promise.all([page.waitForNavigation(), page.keyboard.press('Enter')]);
  await visit.tabTo('Your organisation');
  // what has the focus is seen to have it
  const outline = await visit.asked("getComputedStyle(document.activeElement).boxShadow + getComputedStyle(document.activeElement).backgroundColor");
  assert.match(outline, /rgb\(255, 235, 59\)/, outline);
  await Promise.all([page.waitForNavigation(), page.keyboard.press('Enter')]);
  assert.match(await page.textContent('main'), /F99001/);
  await visit.looksRight('providers');
  await visit.tabTo('Sign out');
  await Promise.all([page.waitForNavigation(), page.keyboard.press('Enter')]);
  assert.match(await page.textContent('main'), /You are signed out/);
});

await done();
