// Settings and tokens, and what each role is shown.
import { test } from 'node:test';
import { nothingWentAstray, stage } from './stage.mjs';

const jobs = {};
const on = stage(async ({ server }) => {
  jobs.failed = await server.finish('fail');
});

test('Settings show the configuration, where it comes from, the types and the monitor', async () => {
  await on.open('/settings');
  await on.visible(on.page.getByRole('row', { name: /max_running.*6/ }));
  await on.visible(on.text(/forager\.toml/));
  await on.visible(on.page.getByRole('region', { name: 'Entity types table' }));
  await on.look('settings');
  await on.page.getByLabel('Only what is set').check();
  await on.gone(on.page.getByRole('row', { name: /^retention_days/ }));
  await on.page.getByLabel('Find a setting').fill('nothing');
  await on.visible(on.text('No setting matches'));
});

test('A token is shown once, used, and revoked', async () => {
  await on.open('/settings');
  await on.button('New token').click();
  await on.page.getByLabel('Name').fill('ci');
  await on.look('token');
  await on.button('Make the token').click();
  const secret = on.page.getByText(/^fgr_/);
  await on.visible(secret);
  const token = await secret.textContent();
  await on.look('token-made');
  await on.button('I have kept it').click();
  await on.gone(on.text(token));

  const admin = on.page;
  on.page = await on.newPage({ token });
  await on.open(`/jobs/${jobs.failed}`);
  await on.visible(on.heading('Why did it fail?'));
  await on.gone(on.button('Retry'));
  await on.open('/settings');
  await on.visible(on.text('viewer'));
  await on.gone(on.heading('Tokens'));
  await on.page.context().close();

  on.page = admin;
  await on.button('Revoke ci').click();
  await on.page.getByRole('dialog').getByRole('button', { name: 'Revoke' }).click();
  await on.visible(on.page.getByText('revoked').first());
});

test('Logging out leads to the login page', async () => {
  await on.open('/settings');
  await on.button('Log out').click();
  await on.page.evaluate(() => sessionStorage.clear());
  await on.visible(on.heading('Log in to forager'));
});

nothingWentAstray(on);
