-- One portal's budget, changed by one call at a time; budget.py says what it is for.
--
-- KEYS[1] is the portal's hash, ARGV[1] the operation, ARGV[2] its request, ARGV[3] the limits, as
-- JSON. The hash holds `level` of the bucket `at` a time, `blocked` until a time, `offset` of the
-- portal's clock from this server's, the level of `people`'s own requests with the highest it has been
-- lately (`rush`, halved in ten minutes), and for each method, as JSON, its account:
--   baskets  by the portal's minute, `seconds` of execution whose sum is what the portal reported
--            last, and when it `falls` out; `sure` once that moment cannot be later any more
--   pending  seconds reserved for requests under way, by ticket, with the time of the reservation
--   cost     seconds of one command, a moving mean
--   limit    seconds, as a refusal taught it, `learnt` at a time
--   blocked  until when, `reset` when the oldest minute falls out, `seen` the newest report
--   people   when a person last had it called
-- `falls`, `blocked`, `reset` and `seen` are moments of the portal's clock.
--
-- A minute falls out ten minutes after its start or after the first call in it: both can be read in the
-- documentation. The later is believed, of the oldest minute what the portal says. What is spent is
-- booked into its minute or a later one, so that nothing is taken to be gone before it is.

local MINUTE, WINDOW = 60, 600
local WHOLE_SECOND = 1 -- a portal may cut off or round up what follows the point
local NOTHING = 1e-6 -- seconds of execution, left over from adding up
local FURTHEST = WINDOW + MINUTE + WHOLE_SECOND -- no minute falls out later than so long from now
local LONGEST_REQUEST = 90 -- whoever has not settled after that is gone
local LEARNT_FOR = 3600
local KEPT_FOR = 3600
local OVERLOAD_BLOCKS = 600
local LENT_AFTER = 3600
local NEWEST_WEIGHS = 0.3
local SPARE = 1.25 -- times what people have lately wanted at once is left to them

local key, operation = KEYS[1], ARGV[1]
local request, limits = cjson.decode(ARGV[2]), cjson.decode(ARGV[3])
local clock = redis.call('TIME')
local now = tonumber(clock[1]) + tonumber(clock[2]) / 1000000
local stored = redis.call('HMGET', key, 'level', 'at', 'blocked', 'offset', 'people', 'rush')
local passed = math.max(0, now - (tonumber(stored[2]) or now))
local level = math.max(0, (tonumber(stored[1]) or 0) - passed * limits.leak)
local blocked, offset = tonumber(stored[3]) or 0, tonumber(stored[4]) or 0
local people = math.max(0, (tonumber(stored[5]) or 0) - passed * limits.leak)
local rush = (tonumber(stored[6]) or 0) * 0.5 ^ (passed / WINDOW)

local function portal_now()
  return now + offset
end

local function spent_in(account)
  local sum = 0
  for _, basket in pairs(account.baskets) do sum = sum + basket.seconds end
  return sum
end

local function reserved_in(account)
  local sum = 0
  for _, reserved in pairs(account.pending) do sum = sum + reserved[1] end
  return sum
end

local function total(account)
  return spent_in(account) + reserved_in(account)
end

local function oldest_first(account)
  local minutes = {}
  for minute in pairs(account.baskets) do minutes[#minutes + 1] = minute end
  table.sort(minutes, function(one, other) return tonumber(one) < tonumber(other) end)
  return minutes
end

local function opened(text)
  local account = text and cjson.decode(text) or { baskets = {}, pending = {} }
  -- What lies further ahead than any minute can comes from a clock that has been put back since.
  local furthest = portal_now() + FURTHEST
  for minute, basket in pairs(account.baskets) do
    if basket.falls <= portal_now() or basket.falls > furthest then account.baskets[minute] = nil end
  end
  if (account.blocked or 0) > furthest then account.blocked = nil end
  for ticket, reserved in pairs(account.pending) do
    if reserved[2] + LONGEST_REQUEST <= now then account.pending[ticket] = nil end
  end
  if account.limit and account.learnt + LEARNT_FOR <= now then account.limit = nil end
  return account
end

-- How full the bucket may be after a request; at least one always fits.
local function line()
  if not request.patient then return math.max(1, limits.brim) end
  local reserve = math.max(limits.reserve, math.min(limits.brim / 2, rush * SPARE))
  return math.max(1, limits.brim - reserve)
end

local function account_of(method)
  return opened(redis.call('HGET', key, 'method:' .. method))
end

local function limit_of(account)
  return math.min(limits.operating, account.limit or limits.operating)
end

-- The portal's own word is that its oldest minute has fallen out, and it has not been asked since: it
-- may count in shorter terms than ten minutes.
local function reset_passed(account)
  local passed = account.reset and portal_now() >= account.reset + WHOLE_SECOND
  return passed and (account.seen or 0) <= account.reset and next(account.pending) == nil
end

-- Up to where an account may be spent. What a job leaves alone is for people, nearly all of it lent to
-- the job where nobody has come for it in an hour. One request looks what a reset has brought: it may
-- use the rest of the limit, which the last report has left free.
local function line_of(account, shares)
  if reset_passed(account) then return limit_of(account) end
  local lent = not account.people or account.people + LENT_AFTER <= now
  return limit_of(account) * (lent and shares.lent or shares.usual)
end

local function keep(accounts)
  local fields = {
    'level', string.format('%.6f', level), 'at', string.format('%.6f', now),
    'blocked', string.format('%.6f', blocked), 'offset', string.format('%.6f', offset),
    'people', string.format('%.6f', people), 'rush', string.format('%.6f', rush),
  }
  for method, account in pairs(accounts) do
    fields[#fields + 1] = 'method:' .. method
    fields[#fields + 1] = cjson.encode(account)
  end
  redis.call('HSET', key, unpack(fields))
  redis.call('EXPIRE', key, KEPT_FOR)
end

-- Seconds until our own books have room for so much more.
local function seconds_by_books(account, over)
  local wait = 0
  for _, minute in ipairs(oldest_first(account)) do
    wait = account.baskets[minute].falls - portal_now()
    over = over - account.baskets[minute].seconds
    if over <= NOTHING then return wait end
  end
  return math.max(wait, 1) -- requests under way hold the rest
end

-- Seconds until `expected` more may fit under the line: it is to be asked again then. A request larger
-- than all there is gets an empty account to itself.
local function seconds_until(account, expected, shares)
  local wait = math.max(0, (account.blocked or 0) - portal_now())
  local sum = total(account)
  local over = sum + expected - line_of(account, shares)
  if sum == 0 or over <= NOTHING then return wait end
  local news = seconds_by_books(account, over)
  if account.reset and (account.seen or 0) <= account.reset then
    -- At the latest when the portal's reset has been looked at, perhaps by a request under way.
    news = math.min(news, math.max(account.reset + WHOLE_SECOND - portal_now(), 1))
  end
  return math.max(wait, news)
end

local function acquire()
  local accounts, expected = {}, {}
  local shortest, longest
  for method, count in pairs(request.methods) do
    local account = account_of(method)
    accounts[method] = account
    expected[method] = count * (account.cost or limits.unknown_cost)
    local wait = seconds_until(account, expected[method], request.shares)
    shortest, longest = math.min(shortest or wait, wait), math.max(longest or wait, wait)
  end
  -- A job goes when all of its methods may, a person while any of them may: the page can do without
  -- the rest.
  local waits = {
    operating = request.patient and longest or shortest,
    rate = math.max(0, level + 1 - line()) / limits.leak,
    overload = math.max(0, blocked - now),
  }
  local wait, why = 0, ''
  for name, seconds in pairs(waits) do
    if seconds > wait then wait, why = seconds, name end
  end
  if wait == 0 then
    level = level + 1
    if not request.patient then
      people = people + 1
      rush = math.max(rush, people)
    end
    for method, account in pairs(accounts) do
      account.pending[request.ticket] = { expected[method], now }
      if not request.patient then account.people = now end
    end
    keep(accounts)
  end
  return { wait = wait, why = why }
end

-- `started` is when the last call of it began. The first call of the minute is known to be no later
-- when that one lay wholly within it; until then every further call may be the first.
local function book(account, seconds, started)
  local minute = math.floor(portal_now() / MINUTE)
  local name = string.format('%d', minute)
  local basket = account.baskets[name] or { seconds = 0, sure = false }
  account.baskets[name] = basket
  basket.seconds = basket.seconds + seconds
  if not basket.sure then
    basket.falls = portal_now() + WINDOW + WHOLE_SECOND
    basket.sure = started ~= nil and started >= minute * MINUTE
  end
end

local function measured(account, spent)
  return spent.seconds + spent.unmeasured * (account.cost or limits.unknown_cost)
end

-- Make the baskets add up to what the portal says: what is missing was spent just now at the
-- latest, what is too much has fallen out, oldest first.
local function reconcile(account, spent)
  -- Where the oldest minute is another one, what has fallen out would hide what was spent since: by
  -- this request, and by those under way as far as they have come.
  if not spent.reset or spent.reset ~= account.reset then
    book(account, measured(account, spent) + reserved_in(account), spent.started)
  end
  local surplus = spent_in(account) - spent.operating
  if surplus < 0 then book(account, -surplus, spent.started) end
  for _, minute in ipairs(oldest_first(account)) do
    if surplus <= 0 then break end
    local basket = account.baskets[minute]
    local taken = math.min(surplus, basket.seconds)
    surplus, basket.seconds = surplus - taken, basket.seconds - taken
    if basket.seconds < NOTHING then account.baskets[minute] = nil end
  end
end

-- Nothing falls out before the portal's oldest minute does, at `reset`. That is our oldest minute too,
-- unless ours is younger: then nothing more is known of it.
local function date(account, reset)
  if not reset or reset > portal_now() + WINDOW + MINUTE then return end
  local falls = reset + WHOLE_SECOND
  for order, minute in ipairs(oldest_first(account)) do
    local basket = account.baskets[minute]
    if order == 1 and reset >= tonumber(minute) * MINUTE + WINDOW then
      basket.falls, basket.sure = falls, true
    end
    basket.falls = math.max(basket.falls, falls)
  end
end

local function hear(account, spent)
  if spent.cost then
    account.cost = (account.cost or spent.cost) * (1 - NEWEST_WEIGHS) + spent.cost * NEWEST_WEIGHS
  end
  local late = spent.at and account.seen
    and spent.at < account.seen and spent.at > account.seen - LONGEST_REQUEST
  if spent.operating and not late then
    reconcile(account, spent)
    date(account, spent.reset)
    account.seen, account.reset = spent.at or portal_now(), spent.reset
    if account.limit and spent.operating > account.limit then account.limit = spent.operating end
  elseif not spent.operating then
    book(account, measured(account, spent), spent.started)
  end
end

local function refuse(account)
  local sum = spent_in(account)
  -- Far below the limit it was somebody else's spending, which teaches nothing about the limit.
  if sum >= limit_of(account) / 2 and sum < limit_of(account) then
    account.limit, account.learnt = sum, now
  end
  local next_minute = (math.floor(portal_now() / MINUTE) + 1) * MINUTE
  local reset = math.min((account.reset or 0) + WHOLE_SECOND, portal_now() + FURTHEST)
  account.blocked = reset > portal_now() and reset or next_minute
end

local function settle()
  if request.at then offset = request.at - now end
  if request.full then level = limits.capacity end
  if request.overload then blocked = now + OVERLOAD_BLOCKS end
  local accounts = {}
  for method, spent in pairs(request.methods) do
    local account = account_of(method)
    account.pending[request.ticket] = nil
    hear(account, spent)
    if spent.refused then refuse(account) end
    accounts[method] = account
  end
  keep(accounts)
  return {}
end

local function view()
  local methods = {}
  local fields = redis.call('HGETALL', key)
  for index = 1, #fields, 2 do
    local method = string.match(fields[index], '^method:(.*)')
    if method then
      local account = opened(fields[index + 1])
      local falls = {}
      for _, minute in ipairs(oldest_first(account)) do
        local basket = account.baskets[minute]
        falls[#falls + 1] = { basket.falls - portal_now(), basket.seconds }
      end
      local line = line_of(account, request.shares)
      methods[method] = {
        operating = total(account), limit = limit_of(account), cost = account.cost, falls = falls,
        blocked = math.max(0, (account.blocked or 0) - portal_now()),
        line = line, room = math.max(0, line - total(account)),
        wait = seconds_until(account, account.cost or limits.unknown_cost, request.shares),
      }
    end
  end
  return { level = level, line = line(), blocked = math.max(0, blocked - now), methods = methods }
end

local operations = { acquire = acquire, settle = settle, view = view }
return cjson.encode(operations[operation]())
