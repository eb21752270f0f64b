/* Nothing of it is needed: BCC brings its own copy of the BPF interface. */
