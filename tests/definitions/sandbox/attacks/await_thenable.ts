const later = { then() { for (;;) {} } };
export default { id: 'x', v: await later };
