throw { get name() { throw 1; }, get message() { for (;;) {} }, get stack() { return 'x'.repeat(1e7); } };
