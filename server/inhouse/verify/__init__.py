"""Proof that nothing leaves this machine: probes and a repeated run, watched packet by packet."""
