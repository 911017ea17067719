export const agreed = { cookie: { name: 'FRAMEWORK_TEST', value: 'a cookie' }, appVersions: [1, 2] };
