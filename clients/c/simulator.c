#include <math.h>
#include <stdint.h>
#include <stdio.h>

/* Numbers of SplitMix64 from the seed, in (0, 1). */
static double uniform(uint64_t *state) {
    uint64_t x = *state += 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return ((x ^ (x >> 31)) >> 11) * 0x1p-53 + 0x1p-54;
}

int main(void) {
    uint64_t head[2]; /* the seed, and the number of parameters */
    double rate;
    printf("hierarch simulator 1\nversion 1\nparameters rate\n\n");
    fflush(stdout);
    while (fread(head, 8, 2, stdin) == 2 && head[1] == 1 && fread(&rate, 8, 1, stdin) == 1) {
        if (rate < 0) {
            fwrite((uint32_t[]){0, 20}, 4, 2, stdout);
            fwrite("the rate is negative", 1, 20, stdout);
        } else {
            double times[10];
            for (int i = 0; i < 10; i++) times[i] = -log(uniform(head)) / rate;
            fwrite((uint32_t[]){8, 10}, 4, 2, stdout);
            fwrite(times, 8, 10, stdout);
        }
        fflush(stdout);
    }
    return 0;
}
