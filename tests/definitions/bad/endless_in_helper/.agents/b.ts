export let X = 0
for (;;) X++
