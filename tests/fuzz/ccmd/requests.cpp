#include "tests/fuzz/ccmd/requests.h"

#include <algorithm>
#include <cstring>

namespace viaduct::fuzz {

namespace {

constexpr uint64_t kPage = 4096;
constexpr uint64_t kUnit = 4;              // bytes, that lengths are multiples of
constexpr uint64_t kMostBytes = 32 << 10;  // of a request

void set_field(const Field& field, Bytes& request, Random& random) {
    const uint64_t value = pick(field, random);
    if (field.at + field.width <= request.size())
        std::memcpy(request.data() + field.at, &value, std::min(field.width, sizeof(value)));
}

Bytes make_request(const RequestRule& rule, Random& random) {
    Bytes request(rule.size);
    for (const Field& field : rule.fields) set_field(field, request, random);
    if (rule.tail) rule.tail(random, request);
    return request;
}

const RequestRule* find_rule(uint32_t command) {
    for (const RequestRule& rule : driver_requests().rules)
        if (rule.command == command) return &rule;
    return nullptr;
}

}  // namespace

Bytes make_requests(Random& random) {
    const RequestRule& rule = random.of(driver_requests().rules);
    Bytes requests = finish(rule.command, make_request(rule, random));
    if (random.once(8)) {
        const Bytes more = make_requests(random);
        requests.insert(requests.end(), more.begin(), more.end());
    }
    return requests;
}

bool change_requests(Bytes& requests, Random& random) {
    auto header = head_of<wire::RequestHeader>(requests);
    const RequestRule* rule = find_rule(header.cmd);
    if (!rule || requests.size() < rule->size) return false;
    if (random.once(16)) {
        header.rsp_off = static_cast<uint32_t>(random.once(2) ? random.any() : random.edge());
        set_head(requests, header);
    } else if (random.once(16) && header.len == requests.size()) {
        const uint64_t size = random.near(requests.size() / kUnit) * kUnit;
        if (size < sizeof(header) || size > kMostBytes) return false;
        requests.resize(size);  // a little less or more than its counts promise
        requests = finish(rule->command, std::move(requests));
    } else if (rule->tail && random.once(3)) {
        requests.resize(rule->size);
        rule->tail(random, requests);
        requests = finish(rule->command, std::move(requests));
    } else if (!rule->fields.empty()) {
        set_field(random.of(rule->fields), requests, random);
    }
    return true;
}

uint64_t any_address(Random& random) {
    if (random.once(16)) return random.edge();
    constexpr uint64_t kRegion = 2 << 20;  // of a page table
    return 0x10'0000 + kPage * random.below(8) + kRegion * random.below(4);
}

uint64_t any_size(Random& random) {
    constexpr uint64_t kOdd[] = {0, 1, kPage - 1, kPage + 1, 2 << 20, 64 << 20};
    if (random.once(16)) return random.edge();
    if (random.once(4)) return random.of(std::span<const uint64_t>(kOdd));
    return kPage * (1 + random.below(4));
}

uint64_t pick(const Field& field, Random& random) {
    if (random.once(32)) return random.edge();
    switch (field.value) {
        case Value::kId:
            return random.id();
        case Value::kSize:
            return any_size(random);
        case Value::kAddress:
            return any_address(random);
        case Value::kFlags:
            return random.once(2) ? 0 : random.any() & field.choices[0];
        case Value::kChoice:
            return random.of(field.choices);
        case Value::kAny:
            break;
    }
    return random.any();
}

Bytes finish(uint32_t command, Bytes request) {
    set_head(request,
             wire::RequestHeader{command, static_cast<uint32_t>(request.size()), /*seqno*/ 1, 0});
    return request;
}

}  // namespace viaduct::fuzz
