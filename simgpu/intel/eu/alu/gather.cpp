#include "simgpu/intel/eu/alu/gather.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <utility>

#include "simgpu/intel/eu/alu/half.h"

namespace simgpu::intel::eu {

namespace {

/// Tags of types that C++ has not.
struct HalfBits {
    uint16_t bits;
};
struct MiniFloat {  // of VF immediates: sign, 3 bits of exponent, 4 of mantissa
    uint8_t bits;
};

bool is_denormal_half(uint16_t bits) {
    return (bits & 0x7c00) == 0;
}

float mini_to_float(uint8_t bits) {
    if ((bits & 0x7f) == 0) return bits ? -0.0f : 0.0f;
    const float magnitude = std::ldexp(static_cast<float>(16 + (bits & 15)), (bits >> 4 & 7) - 7);
    return bits & 0x80 ? -magnitude : magnitude;
}

template <class T, class S>
T widen(S element, bool keep_half_denormals) {
    if constexpr (std::is_same_v<S, HalfBits>) {
        const uint16_t bits = element.bits;
        const bool flush = !keep_half_denormals && is_denormal_half(bits);
        return static_cast<T>(half_to_float(flush ? bits & 0x8000 : bits));
    } else if constexpr (std::is_same_v<S, MiniFloat>) {
        return static_cast<T>(mini_to_float(element.bits));
    } else {
        return static_cast<T>(element);
    }
}

template <class S>
S element_at(const std::byte* from) {
    S element;
    std::memcpy(&element, from, sizeof element);
    return element;
}

template <class S, class T>
void gather(const Elements& from, unsigned count, std::byte* out) {
    T* to = reinterpret_cast<T*>(out);
    const bool keep = from.keep_half_denormals;
    if (from.offset) {
        for (unsigned i = 0; i < count; i++)
            to[i] = widen<T>(element_at<S>(from.base + from.offset[i]), keep);
    } else if (from.stride == 0) {
        std::fill_n(to, count, widen<T>(element_at<S>(from.base), keep));
    } else if (from.stride == sizeof(S)) {
        for (unsigned i = 0; i < count; i++)
            to[i] = widen<T>(element_at<S>(from.base + i * sizeof(S)), keep);
    } else {
        for (unsigned i = 0; i < count; i++)
            to[i] = widen<T>(element_at<S>(from.base + size_t{i} * from.stride), keep);
    }
}

template <class D, class T>
D clamp_to(T value) {
    using Limits = std::numeric_limits<D>;
    if constexpr (std::is_floating_point_v<T>) {
        if (value != value) return 0;
        // The limits as floats may lie just outside; those values count as beyond.
        if (value <= static_cast<T>(Limits::min())) return Limits::min();
        if (value >= static_cast<T>(Limits::max())) return Limits::max();
        return static_cast<D>(value);
    } else {
        if (std::cmp_less(value, Limits::min())) return Limits::min();
        if (std::cmp_greater(value, Limits::max())) return Limits::max();
        return static_cast<D>(value);
    }
}

template <class T>
T saturate_float(T value) {
    return value > 0 ? std::min(value, T{1}) : T{0};  // NaN gives 0
}

template <class D, class T, bool kSaturate>
D narrow(T value, bool keep_half_denormals) {
    if constexpr (std::is_same_v<D, HalfBits>) {
        auto wide = static_cast<double>(value);
        if (kSaturate) wide = saturate_float(wide);
        const uint16_t bits = double_to_half(wide);
        const bool flush = !keep_half_denormals && is_denormal_half(bits);
        return {static_cast<uint16_t>(flush ? bits & 0x8000 : bits)};
    } else if constexpr (std::is_floating_point_v<D>) {
        const auto result = static_cast<D>(value);
        return kSaturate ? saturate_float(result) : result;
    } else if constexpr (kSaturate || std::is_floating_point_v<T>) {
        return clamp_to<D>(value);  // floats always clamp to what an integer can be
    } else {
        return static_cast<D>(value);
    }
}

template <class T, class D, bool kSaturate>
void scatter_as(const T* lanes, unsigned count, ChannelMask mask, const Target& target) {
    const bool keep = target.keep_half_denormals;
    const auto put = [&](unsigned i) {
        const D value = narrow<D, T, kSaturate>(lanes[i], keep);
        std::memcpy(target.to + size_t{i} * target.stride, &value, sizeof value);
    };
    if (mask != mask_of(count)) {
        for_each_channel(mask, put);
    } else if (target.stride == sizeof(D)) {
        for (unsigned i = 0; i < count; i++) {
            const D value = narrow<D, T, kSaturate>(lanes[i], keep);
            std::memcpy(target.to + i * sizeof(D), &value, sizeof value);
        }
    } else {
        for (unsigned i = 0; i < count; i++) put(i);
    }
}

template <class T, class D>
void scatter(const std::byte* lanes, unsigned count, ChannelMask mask, const Target& target) {
    const T* from = reinterpret_cast<const T*>(lanes);
    if (target.saturate)
        scatter_as<T, D, true>(from, count, mask, target);
    else
        scatter_as<T, D, false>(from, count, mask, target);
}

template <class S>
constexpr std::array<Gather, kLaneKinds> integer_gathers() {
    return {gather<S, uint32_t>,
            gather<S, int32_t>,
            gather<S, uint64_t>,
            gather<S, int64_t>,
            nullptr,
            nullptr};
}
template <class S>
constexpr std::array<Gather, kLaneKinds> float_gathers() {
    return {nullptr, nullptr, nullptr, nullptr, gather<S, float>, gather<S, double>};
}
constexpr std::array<Gather, kLaneKinds> kNone{};

constexpr std::array<Gather, kLaneKinds> kGathers[] = {
    integer_gathers<uint8_t>(),  integer_gathers<uint16_t>(), integer_gathers<uint32_t>(),
    integer_gathers<uint64_t>(), integer_gathers<int8_t>(),   integer_gathers<int16_t>(),
    integer_gathers<int32_t>(),  integer_gathers<int64_t>(),  float_gathers<MiniFloat>(),
    float_gathers<HalfBits>(),   float_gathers<float>(),      float_gathers<double>(),
};

template <class T>
constexpr std::array<Scatter, 12> scatters() {
    return {scatter<T, uint8_t>,  scatter<T, uint16_t>, scatter<T, uint32_t>,
            scatter<T, uint64_t>, scatter<T, int8_t>,   scatter<T, int16_t>,
            scatter<T, int32_t>,  scatter<T, int64_t>,  nullptr,
            scatter<T, HalfBits>, scatter<T, float>,    scatter<T, double>};
}
constexpr std::array<Scatter, 12> kScatters[kLaneKinds] = {
    scatters<uint32_t>(), scatters<int32_t>(), scatters<uint64_t>(),
    scatters<int64_t>(),  scatters<float>(),   scatters<double>()};

}  // namespace

Gather gather_function(Type type, Lane lane) {
    return is_valid(type) ? kGathers[static_cast<unsigned>(type)][index_of(lane)] : nullptr;
}

Scatter scatter_function(Lane lane, Type type) {
    return is_valid(type) ? kScatters[index_of(lane)][static_cast<unsigned>(type)] : nullptr;
}

}  // namespace simgpu::intel::eu
