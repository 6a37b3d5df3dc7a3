throw Symbol('no');
