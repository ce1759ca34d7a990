// The servers that share a database; here the one there is.
import { test } from 'node:test';
import { nothingWentAstray, stage } from './stage.mjs';

const on = stage();

test('A node shows that it lives and what it may run; it is drained and resumed', async () => {
  await on.open('/');
  await on.link('Nodes').click();
  await on.page.waitForURL(/\/nodes$/);
  await on.visible(on.page.getByRole('row', { name: /this one.*live.*0 of 6/ }));
  await on.look('nodes');
  await on.page.getByRole('button', { name: /^Drain / }).click();
  await on.page.getByRole('dialog').getByRole('button', { name: 'Drain' }).click();
  await on.visible(on.page.getByRole('row', { name: /draining/ }));
  await on.page.getByRole('button', { name: /^Resume / }).click();
  await on.visible(on.page.getByRole('row', { name: /live/ }));
});

nothingWentAstray(on);
