// Shaders that calculate with floats and 16-bit types, where Vulkan says which bits come out.
#include <algorithm>
#include <bit>
#include <cmath>

#include "tests/guest/vulkan/support.h"

// Built from shaders/*.comp; they need <cstdint> before them.
#include "float32.spv.h"
#include "float64.spv.h"
#include "small_types.spv.h"

namespace viaduct::vulkan {
namespace {

constexpr uint32_t kCount = 64 * 8;

class Arithmetic : public testing::Test {
  protected:
    void dispatch(std::span<const uint32_t> spirv, std::span<const Buffer* const> buffers) {
        const ComputePipeline pipeline(device_, spirv, buffers);
        Commands(device_, QueueKind::kGraphics, [&](VkCommandBuffer commands) {
            pipeline.bind(commands);
            vkCmdDispatch(commands, kCount / 64, 1, 1);
        }).run();
    }

    Device& device_ = shared_device();
};

// Quarters between -limit/4 and limit/4 of either sign: no denormals and no infinities arise.
double quarters(uint32_t random, int32_t limit) {
    return static_cast<double>(static_cast<int32_t>(random >> 8U) % limit) * 0.25 *
           ((random & 1U) == 0 ? 1 : -1);
}

std::vector<uint32_t> random_words(size_t count, uint32_t seed) {
    std::vector<uint32_t> words(count);
    fill_pattern(std::as_writable_bytes(std::span(words)), seed);
    return words;
}

uint32_t float32_model(float a, float b) {
    const float sum = a + b;
    const float product = a * b;
    const float mixed = product - sum;
    const float whole = std::floor(std::abs(mixed) * 0.0009765625F);
    const float part = 1000.0F * whole;
    const float folded = std::abs(mixed) - part;
    uint32_t result = std::bit_cast<uint32_t>(mixed);
    result ^= static_cast<uint32_t>(std::clamp(folded, 0.0F, 4000.0F)) << 3U;
    result += static_cast<uint32_t>(static_cast<int32_t>(std::max(a, b)));
    result += a < b ? 1U : 0U;
    return result + static_cast<uint32_t>(std::trunc(std::min(std::abs(a), 100.0F)));
}

TEST_F(Arithmetic, Float32) {
    const Buffer source(device_, kCount * 8);
    const Buffer target(device_, kCount * 4);
    const std::vector<uint32_t> random = random_words(kCount * 2, 1);
    for (size_t i = 0; i < random.size(); ++i)
        source.as<float>()[i] = static_cast<float>(quarters(random[i], 100'000)) * 0.37F;
    std::vector<uint32_t> expected(kCount);
    for (size_t i = 0; i < kCount; ++i)
        expected[i] = float32_model(source.as<float>()[i * 2], source.as<float>()[i * 2 + 1]);

    const Buffer* const buffers[] = {&source, &target};
    dispatch(float32_spirv, buffers);
    EXPECT_TRUE(same_values(expected, target.as<uint32_t>()));
}

TEST_F(Arithmetic, Float64) {
    VIADUCT_NEEDS(device_.features().float64, "the device has no doubles");
    const Buffer source(device_, kCount * 16);
    const Buffer target(device_, kCount * 8);
    const std::vector<uint32_t> random = random_words(kCount * 2, 2);
    for (size_t i = 0; i < random.size(); ++i)
        source.as<double>()[i] = quarters(random[i], 1'000'000) / 3.0;
    std::vector<double> expected(kCount);
    for (size_t i = 0; i < kCount; ++i) {
        const double a = source.as<double>()[i * 2];
        const double b = source.as<double>()[i * 2 + 1];
        const double product = a * b;
        const double sum = product + a;
        const double result = a < b ? sum - b : sum * 0.5;
        expected[i] = result + static_cast<double>(i);
    }
    const Buffer* const buffers[] = {&source, &target};
    dispatch(float64_spirv, buffers);
    EXPECT_TRUE(same_values(expected, target.as<double>()));
}

// The half nearest to a float of normal half range, ties to even.
uint16_t to_half(float value) {
    const uint32_t bits = std::bit_cast<uint32_t>(value);
    const auto sign = static_cast<uint16_t>(bits >> 16U & 0x8000U);
    if ((bits << 1U) == 0) return sign;
    const uint32_t magnitude = bits & 0x7fffffffU;
    // 13 bits of the fraction go; the exponent's bias goes from 127 to 15.
    const uint32_t rounded = magnitude + 0xfffU + (magnitude >> 13U & 1U);
    return static_cast<uint16_t>(sign | ((rounded >> 13U) - ((127U - 15U) << 10U)));
}

float from_half(uint16_t half) {
    if ((half & 0x7fffU) == 0) return (half & 0x8000U) != 0 ? -0.0F : 0.0F;
    return std::bit_cast<float>((half & 0x8000U) << 16U |
                                (((half & 0x7fffU) + ((127U - 15U) << 10U)) << 13U));
}

// A float has enough bits that rounding a half's sum or product twice changes nothing.
uint16_t half_model(uint16_t x, uint16_t y) {
    const uint16_t product = to_half(from_half(x) * from_half(y));
    const uint16_t sum = to_half(from_half(product) + from_half(x));
    return from_half(sum) < from_half(y) ? y : sum;
}

uint16_t integer_model(uint16_t a, uint16_t b) {
    const auto mixed = static_cast<uint16_t>(static_cast<uint32_t>(a) * b + (a >> 3U) -
                                             (static_cast<uint32_t>(b) << 2U));
    const bool less = static_cast<int16_t>(a) < static_cast<int16_t>(b);
    return less ? mixed : static_cast<uint16_t>(~mixed);
}

TEST_F(Arithmetic, TypesOf16Bits) {
    const Features& features = device_.features();
    VIADUCT_NEEDS(features.int16 && features.float16 && features.storage_16bit,
                  "the device has no 16-bit types");
    const Buffer integers(device_, kCount * 4);
    const Buffer floats(device_, kCount * 4);
    const Buffer integer_results(device_, kCount * 2);
    const Buffer float_results(device_, kCount * 2);
    fill_pattern(integers.bytes(), 3);
    const std::vector<uint32_t> random = random_words(kCount * 2, 4);
    for (size_t i = 0; i < random.size(); ++i)
        floats.as<uint16_t>()[i] = to_half(static_cast<float>(quarters(random[i], 600)) + 0.125F);
    std::vector<uint16_t> expected_integers(kCount);
    std::vector<uint16_t> expected_floats(kCount);
    for (size_t i = 0; i < kCount; ++i) {
        const auto a = integers.as<uint16_t>();
        const auto x = floats.as<uint16_t>();
        expected_integers[i] = integer_model(a[i * 2], a[i * 2 + 1]);
        expected_floats[i] = half_model(x[i * 2], x[i * 2 + 1]);
    }
    const Buffer* const buffers[] = {&integers, &floats, &integer_results, &float_results};
    dispatch(small_types_spirv, buffers);
    EXPECT_TRUE(same_values(expected_integers, integer_results.as<uint16_t>()));
    EXPECT_TRUE(same_values(expected_floats, float_results.as<uint16_t>()));
}

}  // namespace
}  // namespace viaduct::vulkan
