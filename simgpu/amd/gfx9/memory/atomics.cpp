// The atomic operations on a word, in the order of their opcodes.
#include "simgpu/amd/gfx9/memory/vmem.h"
#include "simgpu/amd/integer_atomics.h"

namespace simgpu::gfx9 {

using A32 = amd::IntegerAtomics<uint32_t>;
using A64 = amd::IntegerAtomics<uint64_t>;

const AtomicFunction<uint32_t> kAtomics32[kAtomicFunctions] = {
    A32::swap, A32::compare_swap, A32::add,    A32::sub,     A32::smin, A32::umin, A32::smax,
    A32::umax, A32::bit_and,      A32::bit_or, A32::bit_xor, A32::inc,  A32::dec};
const AtomicFunction<uint64_t> kAtomics64[kAtomicFunctions] = {
    A64::swap, A64::compare_swap, A64::add,    A64::sub,     A64::smin, A64::umin, A64::smax,
    A64::umax, A64::bit_and,      A64::bit_or, A64::bit_xor, A64::inc,  A64::dec};

}  // namespace simgpu::gfx9
