(Error as any).prepareStackTrace = () => { for (;;) {} }; throw new Error('x');
