/* Metropolis moves of independent particles in C, as one would write them: one at a time, in lanes that the compiler can
   vectorise, and with AVX-512 gathers by hand. Uniform proposals over all K levels; the random number's upper part is
   the proposal and its lower part the acceptance. None refines a tie, so none is exact: they do less than our kernels. */
#include <stdint.h>

static inline uint64_t rotl(uint64_t x, int k) { return (x << k) | (x >> (64 - k)); }

/* One xoshiro256++ generator; `table` holds K x K thresholds, acceptance * 2^32. */
void scalar(uint8_t *states, int64_t n, int64_t k, const uint64_t *table, uint64_t *stream, int64_t sweeps) {
    uint64_t a = stream[0], b = stream[1], c = stream[2], d = stream[3];
    for (int64_t sweep = 0; sweep < sweeps; sweep++)
        for (int64_t i = 0; i < n; i++) {
            uint64_t bits = rotl(a + d, 23) + a, t = b << 17;
            c ^= a; d ^= b; b ^= c; a ^= d; c ^= t; d = rotl(d, 45);
            uint64_t there = ((bits >> 32) * (uint64_t)k) >> 32;
            states[i] = (bits & 0xffffffff) < table[states[i] * k + there] ? there : states[i];
        }
    stream[0] = a; stream[1] = b; stream[2] = c; stream[3] = d;
}

/* The same for any number of levels, with weights instead of a table of pairs. */
void scalar_weights(uint16_t *states, int64_t n, int64_t k, const float *w, uint64_t *stream, int64_t sweeps) {
    uint64_t a = stream[0], b = stream[1], c = stream[2], d = stream[3];
    for (int64_t sweep = 0; sweep < sweeps; sweep++)
        for (int64_t i = 0; i < n; i++) {
            uint64_t bits = rotl(a + d, 23) + a, t = b << 17;
            c ^= a; d ^= b; b ^= c; a ^= d; c ^= t; d = rotl(d, 45);
            uint64_t there = ((bits >> 32) * (uint64_t)k) >> 32;
            float u = (float)(uint32_t)bits * 0x1p-32f;
            states[i] = u * w[states[i]] < w[there] ? there : states[i];
        }
    stream[0] = a; stream[1] = b; stream[2] = c; stream[3] = d;
}

/* The same moves as `scalar` in plain loops over 16 generators, for the compiler to vectorise. */
void lanes(uint8_t *states, int64_t n, int64_t k, const uint64_t *table, uint64_t *stream, int64_t sweeps) {
    uint64_t a[16], b[16], c[16], d[16], bits[16];
    for (int l = 0; l < 16; l++) { a[l] = stream[l]; b[l] = stream[16 + l]; c[l] = stream[32 + l]; d[l] = stream[48 + l]; }
    for (int64_t start = 0; start + 16 <= n; start += 16) {
        uint32_t here[16];
        for (int l = 0; l < 16; l++) here[l] = states[start + l];
        for (int64_t sweep = 0; sweep < sweeps; sweep++) {
            for (int l = 0; l < 16; l++) {
                bits[l] = rotl(a[l] + d[l], 23) + a[l];
                uint64_t t = b[l] << 17;
                c[l] ^= a[l]; d[l] ^= b[l]; b[l] ^= c[l]; a[l] ^= d[l]; c[l] ^= t; d[l] = rotl(d[l], 45);
            }
            for (int l = 0; l < 16; l++) {
                uint32_t there = ((bits[l] >> 32) * (uint64_t)k) >> 32;
                here[l] = (bits[l] & 0xffffffff) < table[here[l] * k + there] ? there : here[l];
            }
        }
        for (int l = 0; l < 16; l++) states[start + l] = here[l];
    }
    for (int l = 0; l < 16; l++) { stream[l] = a[l]; stream[16 + l] = b[l]; stream[32 + l] = c[l]; stream[48 + l] = d[l]; }
}

/* The same with half the random bits: 16 for the proposal, 16 for the acceptance; `table` holds acceptance * 2^16. */
void lanes16(uint8_t *states, int64_t n, int64_t k, const uint32_t *table, uint64_t *stream, int64_t sweeps) {
    uint64_t a[16], b[16], c[16], d[16], bits[16];
    for (int l = 0; l < 16; l++) { a[l] = stream[l]; b[l] = stream[16 + l]; c[l] = stream[32 + l]; d[l] = stream[48 + l]; }
    for (int64_t start = 0; start + 32 <= n; start += 32) {
        uint32_t here[32];
        for (int l = 0; l < 32; l++) here[l] = states[start + l];
        for (int64_t sweep = 0; sweep < sweeps; sweep++) {
            for (int l = 0; l < 16; l++) {
                bits[l] = rotl(a[l] + d[l], 23) + a[l];
                uint64_t t = b[l] << 17;
                c[l] ^= a[l]; d[l] ^= b[l]; b[l] ^= c[l]; a[l] ^= d[l]; c[l] ^= t; d[l] = rotl(d[l], 45);
            }
            const uint32_t *half = (const uint32_t *)bits;
            for (int l = 0; l < 32; l++) {
                uint32_t there = ((half[l] >> 16) * (uint32_t)k) >> 16;
                here[l] = (half[l] & 0xffff) < table[here[l] * (uint32_t)k + there] ? there : here[l];
            }
        }
        for (int l = 0; l < 32; l++) states[start + l] = here[l];
    }
    for (int l = 0; l < 16; l++) { stream[l] = a[l]; stream[16 + l] = b[l]; stream[32 + l] = c[l]; stream[48 + l] = d[l]; }
}

#ifdef __AVX512DQ__
#include <immintrin.h>
/* AVX-512 by hand: 16 particles a vector, weights by hardware gather, all sweeps of one vector before the next. */
void gathers(uint32_t *states, int64_t n, int64_t k, const float *w, uint64_t *stream, int64_t sweeps) {
    __m512i a = _mm512_loadu_si512(stream), b = _mm512_loadu_si512(stream + 8), c = _mm512_loadu_si512(stream + 16),
            d = _mm512_loadu_si512(stream + 24);
    const __m512i count = _mm512_set1_epi32((int)k);
    for (int64_t start = 0; start + 16 <= n; start += 16) {
        __m512i here = _mm512_loadu_si512(states + start);
        __m512 weight = _mm512_i32gather_ps(here, w, 4);
        for (int64_t sweep = 0; sweep < sweeps; sweep++) {
            __m512i bits = _mm512_add_epi64(_mm512_rol_epi64(_mm512_add_epi64(a, d), 23), a), t = _mm512_slli_epi64(b, 17);
            c = _mm512_xor_si512(c, a); d = _mm512_xor_si512(d, b); b = _mm512_xor_si512(b, c); a = _mm512_xor_si512(a, d);
            c = _mm512_xor_si512(c, t); d = _mm512_rol_epi64(d, 45);
            __m512i even = _mm512_mul_epu32(bits, count), odd = _mm512_mul_epu32(_mm512_srli_epi64(bits, 32), count);
            __m512i there = _mm512_mask_blend_epi32(0xaaaa, _mm512_srli_epi64(even, 32), odd);
            __m512i rest = _mm512_mask_blend_epi32(0xaaaa, even, _mm512_slli_epi64(odd, 32));
            __m512 u = _mm512_mul_ps(_mm512_cvtepu32_ps(rest), _mm512_set1_ps(0x1p-32f));
            __m512 other = _mm512_i32gather_ps(there, w, 4);
            __mmask16 accepted = _mm512_cmp_ps_mask(_mm512_mul_ps(u, weight), other, _CMP_LT_OQ);
            here = _mm512_mask_mov_epi32(here, accepted, there);
            weight = _mm512_mask_mov_ps(weight, accepted, other);
        }
        _mm512_storeu_si512(states + start, here);
    }
    _mm512_storeu_si512(stream, a); _mm512_storeu_si512(stream + 8, b); _mm512_storeu_si512(stream + 16, c);
    _mm512_storeu_si512(stream + 24, d);
}
#endif
