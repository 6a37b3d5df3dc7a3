const e = new Error('x'); e.stack = 'at /etc/passwd:1:1\n at f (/no/such.ts:99999999999:99999999999)'; throw e;
