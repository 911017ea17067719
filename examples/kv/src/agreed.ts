/** What go-plugin's own key-value example agrees on: its cookie, and one version of its protocol. */
export const agreed = { cookie: { name: 'BASIC_PLUGIN', value: 'hello' }, appVersions: [1] };
