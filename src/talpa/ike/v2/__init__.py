"""IKEv2 (RFC 7296).

Its exchanges, each a request and a response, in the notation of the RFC:

Initiator                               Responder        in

HDR, [N(COOKIE)], SAi1, KEi, Ni    -->                   init_initiator
                <--  HDR, N(COOKIE) or N(INVALID_KE_PAYLOAD): from the beginning again
                <--  HDR, SAr1, KEr, Nr, [CERTREQ]       init_responder

HDR, SK {KEi(n)}                   -->                   intermediate (RFC 9242, RFC 9370):
                <--  HDR, SK {KEr(n)}                    one for each additional key exchange

HDR, SK {IDi, [CERT], [CERTREQ],                         auth_initiator
    [IDr], AUTH, SAi2, TSi, TSr}   -->
                <--  HDR, SK {IDr, [CERT], AUTH,         auth_responder
                         SAr2, TSi, TSr}

or with EAP (2.16), IDi and the child as above, and no AUTH at first:
HDR, SK {IDi, SAi2, TSi, TSr}      -->
                <--  HDR, SK {IDr, [CERT, AUTH], EAP}
HDR, SK {EAP}                      -->
                <--  HDR, SK {EAP}                       as often as the method wants
HDR, SK {AUTH}                     -->
                <--  HDR, SK {AUTH, SAr2, TSi, TSr}

Then, from either end, one request at a time each way:
HDR, SK {N(REKEY_SA), SA, Ni, [KEi], TSi, TSr}  -->      create_child
                <--  HDR, SK {SA, Nr, [KEr], TSi, TSr}
HDR, SK {SA, Ni, KEi}              -->                   rekey_ike
                <--  HDR, SK {SA, Nr, KEr}
HDR, SK {KEi(n), N(ADDITIONAL_KEY_EXCHANGE)}    -->      followup (RFC 9370), after either
                <--  HDR, SK {KEr(n), [N(ADDITIONAL_KEY_EXCHANGE)]}
HDR, SK {[N], [D], ...}            -->                   informational, liveness, mobike
                <--  HDR, SK {[N], [D], ...}

How far an IKE SA is, `sa.Stage` says:

(nothing)  --IKE_SA_INIT as responder--> `opening.Opening` --goes on--> HALF_OPEN
INIT       --IKE_SA_INIT as initiator--> HALF_OPEN
HALF_OPEN  --IKE_AUTH--> UP --our delete, or re-keyed--> CLOSING --> GONE
"""
